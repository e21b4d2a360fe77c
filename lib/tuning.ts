// allocator.tune(): glibc's malloc tuned for the whole process, so that threads stop contending for the address space.

import { mallocDecision, tuneMalloc } from '#binding'
import { invalidArgType, invalidArgValue, outOfRange, unknownOption } from './errors.js'

/**
 * Values for glibc's `mallopt()`, and a limit for free memory. A missing value takes its default; the number of arenas
 * stays unlimited unless `arenaMax` is given.
 */
export interface GlibcTuning {
  /**
   * Allocations of this many bytes or more use mmap, with one system call to allocate and one to free: from 128 KiB,
   * glibc's own default, to 32 MiB, the default here.
   */
  mmapThreshold?: number | undefined
  /**
   * An arena that is in use gives memory back by itself when this many bytes are free at its end: 32 MiB by default.
   */
  trimThreshold?: number | undefined
  /**
   * Bytes that a new arena reserves beyond its need, and the main arena each time it grows; an arena also keeps as many
   * free bytes. 32 MiB by default, half of the heap of an arena, or `trimThreshold` if that is less.
   */
  topPad?: number | undefined
  /** The largest number of arenas, 1 or more; not set by default. It only works while the process has created few. */
  arenaMax?: number | undefined
  /**
   * The limit for free memory of the whole process in bytes, counted in runs of 64 KiB and more that were not used for
   * half a second: 64 MiB by default. Free memory above it is given back; the rest is halved step by step, within a few
   * seconds.
   */
  memory?: number | undefined
}

/** The last decision of the thread of this package that watches malloc. */
export interface TuningDecision {
  /** Whether arenas keep memory that is freed at their end, as tuned; otherwise they give it back at once. */
  keeps: boolean
  /** The reason. */
  why: string
  /** Bytes given back so far. */
  gaveBack: number
  /** How long this thread and `allocator.trim()` have locked arenas. Allocations in a locked arena wait as long. */
  pauses: ArenaPauses
}

/** How often, and how long, this package has locked arenas. */
export interface ArenaPauses {
  /** The number of locks. */
  count: number
  /** The number of locks that took more than a millisecond. */
  long: number
  /** The longest lock in milliseconds. It is longer where its thread was not scheduled meanwhile. */
  longest: number
}

/** The outcome of `allocator.tune()`. */
export interface Tuned {
  /** The values in effect; empty where none are. */
  applied: GlibcTuning
  /** Whether malloc can be tuned here: it is that of glibc. */
  supported: boolean
  /** Why a requested value is not in effect. */
  reason?: string
  /** The last decision, where values are in effect; `allocator.stats().decision` has later ones. */
  decision?: TuningDecision
}

const KiB = 1024
const MiB = 1024 * KiB

/** The values found best by `zx bench/matrix.mjs tune-sweep` and `retention`; docs/allocator.md explains them. */
export const DEFAULTS = Object.freeze({ mmapThreshold: 32 * MiB, trimThreshold: 32 * MiB, topPad: 32 * MiB })

/** The default limit for memory that is free and unused. */
const MEMORY = 64 * MiB

type Whole = typeof DEFAULTS & { arenaMax?: number; memory: number }

/** mallopt() takes an int. */
const MOST = 2 ** 31 - 1

type Range = readonly [least: number, most: number, why?: string]

const RANGES: Readonly<Record<keyof GlibcTuning, Range>> = {
  mmapThreshold: [
    128 * KiB,
    32 * MiB,
    ": below glibc's own threshold, every buffer costs two system calls. Above 32 MiB, the 64 MiB heap of an arena cannot hold " +
      'two such buffers, and no measurement showed threads to be faster',
  ],
  trimThreshold: [0, MOST],
  topPad: [0, MOST],
  arenaMax: [1, MOST],
  memory: [0, Number.MAX_SAFE_INTEGER],
}

/**
 * Tunes malloc for the whole process, with all values at once. It applies to all later allocations, in every thread. A
 * second call with the same values only reserves the heap of the calling thread, as `faultless/tune` does in each
 * worker. Nothing is changed where malloc is not that of glibc, or where no thread could give back the memory that it
 * keeps; the result then has the reason.
 *
 * A thread gives back memory that is free and was not used for half a second. Where that was more than `memory`, it
 * also stops malloc from keeping freed memory, until page faults show that the program needs it. The thread sleeps
 * while the process does nothing, and does not keep the process alive.
 *
 * @param tuning the values that differ from the defaults
 * @returns the values that took effect, and why the others did not
 * @throws `ERR_OUT_OF_RANGE`, `ERR_INVALID_ARG_TYPE` or `ERR_INVALID_ARG_VALUE` for values that mallopt() refuses, or
 *   that made things worse in measurements: a `topPad` without a threshold
 */
export function tune(tuning: GlibcTuning = {}): Tuned {
  const asked = checked(tuning)
  const { mmapThreshold, trimThreshold, arenaMax, memory }: Whole = { ...DEFAULTS, memory: MEMORY, ...asked }
  // A larger topPad would keep more than the trim threshold lets go.
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
    if (!range) throw unknownOption('tuning', name, Object.keys(RANGES), 'values')
    const [least, most, why = ''] = range
    if (typeof value !== 'number') throw invalidArgType(`tuning.${name}`, 'of type number', value)
    if (!Number.isInteger(value) || value < least || value > most) {
      throw outOfRange(`tuning.${name}`, `an integer >= ${least} && <= ${most}${why}`, value)
    }
  }
  const names = given.map(([name]) => name)
  if (names.includes('topPad') && !names.includes('mmapThreshold') && !names.includes('trimThreshold')) {
    const reason =
      'made things worse in measurements when set alone: set mmapThreshold or trimThreshold as well, or leave all of ' +
      'them out'
    throw invalidArgValue('tuning.topPad', reason, (tuning as GlibcTuning).topPad)
  }
  return Object.fromEntries(given)
}
