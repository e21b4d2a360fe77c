// What members can be started under: a malloc that variables tune, one that is preloaded, or ours tuned at run time.
import { spawnSync } from 'node:child_process'
import { KiB } from './cells.mjs'

/** @typedef {{ variant: string, env: Record<string, string> }} Variant what a cell is spread with */

/** @param {Record<string, string>} env @returns {Variant} */
const variables = env => ({
  variant: Object.entries(env)
    .map(pair => pair.join('='))
    .join(' '),
  env,
})

/** A package's entry is looked for by those that are started only, so that a run without it needs no build of it. @returns {Variant} */
export const tuned = () => ({
  variant: 'faultless/tune',
  env: { NODE_OPTIONS: `--import=${import.meta.resolve('faultless/tune')}` },
})

/** @param {number} most */
export const arenas = most => variables({ MALLOC_ARENA_MAX: String(most) })
export const lowThreshold = variables({ MALLOC_MMAP_THRESHOLD_: String(4 * KiB) })
export const noMmap = variables({ MALLOC_MMAP_MAX_: '0', MALLOC_TRIM_THRESHOLD_: '-1' })

/** Found where the loader finds libraries. */
const JEMALLOC = 'libjemalloc.so.2'
export const jemalloc = { variant: 'jemalloc', env: { LD_PRELOAD: JEMALLOC } }
/** It never gives memory back to the kernel. */
export const jemallocWithoutDecay = {
  variant: 'jemalloc without decay',
  env: { LD_PRELOAD: JEMALLOC, MALLOC_CONF: 'dirty_decay_ms:-1,muzzy_decay_ms:-1' },
}

/** Results of our reads from the jemalloc that is linked into the addon. */
export const jemallocResults = { variant: 'results from jemalloc', env: { FAULTLESS_ALLOCATOR: 'jemalloc' } }

/** Why jemalloc cannot be preloaded: the loader goes on without a library that it does not find. */
export function noJemalloc() {
  const { stdout } = spawnSync('cat', ['/proc/self/maps'], { env: { ...process.env, LD_PRELOAD: JEMALLOC } })
  if (!stdout?.includes(JEMALLOC)) return `${JEMALLOC} cannot be preloaded: Debian has it in libjemalloc2`
}

/** Names of what glibc can be told before a process begins, in the order in which they are written. */
const TOLD = {
  mmapThreshold: 'MALLOC_MMAP_THRESHOLD_',
  trimThreshold: 'MALLOC_TRIM_THRESHOLD_',
  topPad: 'MALLOC_TOP_PAD_',
  arenaMax: 'MALLOC_ARENA_MAX',
}

/** A tuning by variables, which refuse nothing. @param {Partial<Record<keyof typeof TOLD, number>>} tuning @returns {Record<string, string>} */
export const told = tuning =>
  Object.fromEntries(Object.entries(tuning).map(([name, value]) => [TOLD[name], String(value)]))
