// allocator: where the memory of large results comes from, and the tuning of the process's own malloc.

import { allocatorOfEnvironment, allocatorStats, mallocDecision, trimMalloc, useJemalloc, usesJemalloc } from '#binding'
import { capabilities } from './capabilities.js'
import { invalidArgType, invalidArgValue, unsupported } from './errors.js'
import { type TuningDecision, tune } from './tuning.js'

/** `'glibc'` is the malloc of the process, whatever was preloaded; `'jemalloc'` is linked into the addon. */
export type AllocatorName = 'glibc' | 'jemalloc'

/** What an allocator holds, in bytes. What it does not tell is missing: all of it where malloc is not glibc's. */
export interface AllocatorStats {
  /** Whose numbers these are. */
  allocator: AllocatorName
  /** In use: by anyone in the process for glibc, by large results for jemalloc. */
  allocated?: number
  /** In physical memory: in use, or free and not yet given back. Only jemalloc knows. */
  resident?: number
  /** Got from the kernel: in use, or free and usable at once. */
  mapped?: number
  /** Free, and kept for what is allocated next: part of `mapped` for glibc, address space beyond it for jemalloc. */
  retained?: number
  /** Of `retained`, at the end of an arena, from where free memory goes back by itself; glibc's only. */
  top?: number
  /** How many arenas there are; glibc's only. */
  arenas?: number
  /** How many heaps of 64 MiB the arenas have, the main one none; glibc's only. */
  heaps?: number
  /** What was decided since malloc was tuned, and why; glibc's only. */
  decision?: TuningDecision
}

const NAMES: readonly AllocatorName[] = ['glibc', 'jemalloc']

/** Where the memory of large results comes from, and the tuning of the process's own malloc. */
export const allocator = Object.freeze({
  /**
   * Has large results come from this allocator, in all threads of the process from now on: `'glibc'` (the default) is memory
   * of V8's own, which it takes from the process's malloc; `'jemalloc'` is memory outside of V8's heap. What was handed out
   * before goes back to where it came from.
   *
   * @param name what results of 256 KiB and more are made of; shorter ones are V8's own in any case
   * @throws `ERR_UNSUPPORTED` where jemalloc cannot be had
   * @throws `ERR_INVALID_ARG_TYPE` or `ERR_INVALID_ARG_VALUE` for what is no name of an allocator
   */
  use(name: AllocatorName): void {
    useJemalloc(available('name', name) === 'jemalloc')
  },

  /** Where the memory of large results comes from. */
  get current(): AllocatorName {
    return usesJemalloc() ? 'jemalloc' : 'glibc'
  },

  /**
   * What an allocator holds, the current one unless another is named. glibc looks at every free piece of memory for it.
   *
   * @throws what {@link use} throws
   */
  stats(name: AllocatorName = allocator.current): AllocatorStats {
    const wanted = available('name', name)
    if (wanted === 'jemalloc') return { allocator: wanted, ...allocatorStats(true) }
    const decision = mallocDecision()
    return { allocator: wanted, ...allocatorStats(false), ...(decision && { decision }) }
  },

  /**
   * Gives back to the kernel what the malloc of the process holds free, in whole pages, whether it was tuned or not. It is done on
   * the pool, a piece at a time.
   *
   * @returns how many bytes went back
   * @throws `ERR_UNSUPPORTED` where malloc is not glibc's, or its arenas cannot be looked at, with the reason
   */
  async trim(): Promise<number> {
    const trimmed = await trimMalloc()
    if (typeof trimmed === 'string') throw unsupported(`Nothing can be given back: ${trimmed}`)
    return trimmed
  },

  tune,
})

// Where a process begins. Results can be had in any case.
const asked = allocatorOfEnvironment(process.env.FAULTLESS_ALLOCATOR)
if (asked) {
  try {
    useJemalloc(available('FAULTLESS_ALLOCATOR', asked) === 'jemalloc')
  } catch (error) {
    process.emitWarning(`${(error as Error).message}. Results come from 'glibc'.`, { code: 'FAULTLESS_ALLOCATOR' })
  }
}

function available(argument: string, name: unknown): AllocatorName {
  if (typeof name !== 'string') throw invalidArgType(argument, 'of type string', name)
  const known = NAMES.find(each => each === name)
  if (!known) throw invalidArgValue(argument, `must be one of: ${NAMES.map(each => `'${each}'`).join(', ')}`, name)
  if (known === 'glibc') return known
  const { jemalloc, externalBuffers } = capabilities()
  if (jemalloc) return known
  throw unsupported(
    externalBuffers
      ? 'This build of faultless has no jemalloc: npm run build:addon in a clone builds it in where it finds make and a C compiler; ' +
          "or stay with 'glibc'"
      : "This runtime allows no external buffers, so results can only be in memory of V8's: stay with 'glibc'",
  )
}
