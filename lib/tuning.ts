// allocator.tune(): glibc's malloc tuned for the whole process, so that threads stop contending for the address space.

import { mallocDecision, tuneMalloc } from '#binding'
import { invalidArgType, invalidArgValue, outOfRange } from './errors.js'

/** Values for glibc's `mallopt()`, and a bound. What is left out takes its default; arenas stay unlimited unless `arenaMax` is given. */
export interface GlibcTuning {
  /** Bytes from which on allocations come from mmap, one system call each way: 128 KiB (glibc's own) to 32 MiB, the default. */
  mmapThreshold?: number | undefined
  /** Bytes free at the top of an arena from which on it gives memory back by itself, while that is used: 32 MiB by default. */
  trimThreshold?: number | undefined
  /**
   * Bytes that an arena opens beyond its need when it begins, and the main one whenever it grows, and that it keeps of what is free:
   * 32 MiB by default, half of what an arena's heap spans, or `trimThreshold` if that is less.
   */
  topPad?: number | undefined
  /** How many arenas there may be, 1 or more; not set by default. Works only while the process has made few. */
  arenaMax?: number | undefined
  /**
   * Bytes that may stay of what is free, in runs of 64 KiB and more, and was not used for half a second, in the whole process:
   * 64 MiB by default. What is more goes back then, and what is left by halves, in a few seconds.
   */
  memory?: number | undefined
}

/** What a thread of the package has decided while it looked after malloc. */
export interface TuningDecision {
  /** Whether arenas keep what is freed at their end, as they were tuned to; else it goes back as it is freed. */
  keeps: boolean
  /** Why. */
  why: string
  /** Bytes given back so far. */
  gaveBack: number
  /** How long arenas were locked for it, and by `allocator.trim()`: who allocates in one may wait as long. */
  pauses: ArenaPauses
}

/** How often arenas were locked from here. */
export interface ArenaPauses {
  /** How often in all. */
  count: number
  /** Of these, for more than a millisecond. */
  long: number
  /** Milliseconds of the longest one; a thread that is not run meanwhile makes it longer. */
  longest: number
}

/** What `allocator.tune()` came to. */
export interface Tuned {
  /** What is in effect; empty where nothing is. */
  applied: GlibcTuning
  /** Whether malloc can be tuned here: it is glibc's own. */
  supported: boolean
  /** Why something that was asked for is not in effect. */
  reason?: string
  /** What was decided since, where something is in effect; `allocator.stats().decision` has it later on. */
  decision?: TuningDecision
}

const KiB = 1024
const MiB = 1024 * KiB

/** What `zx bench/matrix.mjs tune-sweep` and `retention` have found; docs/allocator.md tells why. */
export const DEFAULTS = Object.freeze({ mmapThreshold: 32 * MiB, trimThreshold: 32 * MiB, topPad: 32 * MiB })

/** What may stay, by default, of what lies unused. */
const MEMORY = 64 * MiB

type Whole = typeof DEFAULTS & { arenaMax?: number; memory: number }

/** mallopt() takes an int. */
const MOST = 2 ** 31 - 1

type Range = readonly [least: number, most: number, why?: string]

const RANGES: Readonly<Record<keyof GlibcTuning, Range>> = {
  mmapThreshold: [
    128 * KiB,
    32 * MiB,
    ": below glibc's own threshold every buffer costs two system calls; above half of an arena's heap of 64 MiB a heap has no " +
      'room for two such buffers, and threads were not measured to be faster than with 32 MiB',
  ],
  trimThreshold: [0, MOST],
  topPad: [0, MOST],
  arenaMax: [1, MOST],
  memory: [0, Number.MAX_SAFE_INTEGER],
}

/**
 * Tunes malloc for the whole process, all values at once; in effect for what is allocated from then on, in every thread.
 * Calling it again with the same values only opens the heap of the thread that calls, as `faultless/tune` does in each worker. Where malloc is not glibc's own, or nothing can give
 * back what it keeps, nothing is done, and the result says so.
 *
 * A thread gives back what is free and has not been used for half a second, and has malloc keep nothing more of what is freed where
 * that was more than `memory`, until page faults show that it is missed. It sleeps while the process does nothing, and does not
 * keep it alive.
 *
 * @param tuning values that are not to be the defaults
 * @returns what took effect, and why the rest did not
 * @throws `ERR_OUT_OF_RANGE`, `ERR_INVALID_ARG_TYPE` or `ERR_INVALID_ARG_VALUE` for values that mallopt would not take, or that
 *   were measured to make things worse: a `topPad` without a threshold
 */
export function tune(tuning: GlibcTuning = {}): Tuned {
  const asked = checked(tuning)
  const { mmapThreshold, trimThreshold, arenaMax, memory }: Whole = { ...DEFAULTS, memory: MEMORY, ...asked }
  // What is kept in any case would be more than what is to be given back.
  const topPad = asked.topPad ?? Math.min(DEFAULTS.topPad, trimThreshold)
  const { applied, ...rest } = tuneMalloc(mmapThreshold, trimThreshold, topPad, arenaMax, memory)
  const decision = applied && mallocDecision()
  return { applied: applied ?? {}, ...rest, ...(decision && { decision }) }
}

function checked(tuning: unknown): Partial<Record<keyof GlibcTuning, number>> {
  if (typeof tuning !== 'object' || tuning === null) throw invalidArgType('tuning', 'of type object', tuning)
  const given = Object.entries(tuning).filter(([, value]) => value !== undefined)
  for (const [name, value] of given) {
    const range = Object.hasOwn(RANGES, name) ? RANGES[name as keyof GlibcTuning] : undefined
    if (!range) throw invalidArgValue('tuning', `has no "${name}"; there are ${Object.keys(RANGES).join(', ')}`, tuning)
    const [least, most, why = ''] = range
    if (typeof value !== 'number') throw invalidArgType(`tuning.${name}`, 'of type number', value)
    if (!Number.isInteger(value) || value < least || value > most) {
      throw outOfRange(`tuning.${name}`, `an integer >= ${least} && <= ${most}${why}`, value)
    }
  }
  const names = given.map(([name]) => name)
  if (names.includes('topPad') && !names.includes('mmapThreshold') && !names.includes('trimThreshold')) {
    const reason =
      'was measured to make things worse without a threshold: give mmapThreshold or trimThreshold with it, or neither for ' +
      'the defaults'
    throw invalidArgValue('tuning.topPad', reason, (tuning as GlibcTuning).topPad)
  }
  return Object.fromEntries(given)
}
