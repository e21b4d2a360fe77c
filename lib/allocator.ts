// allocator: chooses the allocator of large results, and tunes the malloc of the process.

import { allocatorOfEnvironment, allocatorStats, mallocDecision, trimMalloc, useJemalloc, usesJemalloc } from '#binding'
import { capabilities } from './capabilities.js'
import { invalidArgType, invalidArgValue, unsupported } from './errors.js'
import { type TuningDecision, tune } from './tuning.js'

/**
 * `'glibc'` is the malloc of the process, even where another one is preloaded; `'jemalloc'` is linked into the addon.
 */
export type AllocatorName = 'glibc' | 'jemalloc'

/**
 * The memory that an allocator holds, in bytes. Fields that an allocator does not report are missing; all are missing
 * where malloc is not that of glibc.
 */
export interface AllocatorStats {
  /** The allocator that these numbers describe. */
  allocator: AllocatorName
  /** In use: by the whole process for glibc, by large results for jemalloc. */
  allocated?: number
  /** In physical memory: in use, or free and not yet given back to the kernel. Only jemalloc reports it. */
  resident?: number
  /** Obtained from the kernel: in use, or free and usable at once. */
  mapped?: number
  /** Free, and kept for later allocations: part of `mapped` for glibc, address space beyond it for jemalloc. */
  retained?: number
  /** The part of `retained` at the end of an arena, which malloc gives back by itself; glibc only. */
  top?: number
  /** The number of arenas; glibc only. */
  arenas?: number
  /** The number of 64 MiB heaps of the arenas, without the main arena, which has none; glibc only. */
  heaps?: number
  /** The last decision since malloc was tuned, with its reason; glibc only. */
  decision?: TuningDecision
}

const NAMES: readonly AllocatorName[] = ['glibc', 'jemalloc']

/** Chooses the allocator of large results, and tunes the malloc of the process. */
export const allocator = Object.freeze({
  /**
   * Sets the allocator of large results, for all threads of the process from now on. `'glibc'`, the default, is memory
   * of V8, which V8 takes from the malloc of the process. `'jemalloc'` is memory outside of V8's heap. Earlier results
   * go back to the allocator that they came from.
   *
   * @param name the allocator of results of 256 KiB and more; shorter results are always memory of V8
   * @throws `ERR_UNSUPPORTED` where jemalloc is not available
   * @throws `ERR_INVALID_ARG_TYPE` or `ERR_INVALID_ARG_VALUE` for a name that is not an allocator
   */
  use(name: AllocatorName): void {
    useJemalloc(available('name', name) === 'jemalloc')
  },

  /** The allocator of large results. */
  get current(): AllocatorName {
    return usesJemalloc() ? 'jemalloc' : 'glibc'
  },

  /**
   * Reports the memory that an allocator holds; by default the current one. glibc walks through all of its free chunks
   * for that.
   *
   * @throws the errors of {@link use}
   */
  stats(name: AllocatorName = allocator.current): AllocatorStats {
    const wanted = available('name', name)
    if (wanted === 'jemalloc') return { allocator: wanted, ...allocatorStats(true) }
    const decision = mallocDecision()
    return { allocator: wanted, ...allocatorStats(false), ...(decision && { decision }) }
  },

  /**
   * Gives the free memory of malloc back to the kernel, in whole pages, whether malloc was tuned or not. It runs on the
   * thread pool, in pieces.
   *
   * @returns the number of bytes given back
   * @throws `ERR_UNSUPPORTED`, with the reason, where malloc is not that of glibc, or its arenas cannot be read
   */
  async trim(): Promise<number> {
    const trimmed = await trimMalloc()
    if (typeof trimmed === 'string') throw unsupported(`malloc cannot give memory back: ${trimmed}`)
    return trimmed
  },

  tune,
})

// The choice of the environment, when the process starts. If it fails, results still work.
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
      ? 'This build of faultless has no jemalloc. In a clone with make and a C compiler, npm run build:addon includes it. ' +
          "Otherwise stay with 'glibc'"
      : "This runtime does not allow external buffers, which jemalloc needs: stay with 'glibc'",
  )
}
