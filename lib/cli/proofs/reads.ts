// Proves that warm data is returned at once, and that cold data is read as fast as the disk allows: reads compared with
// node:fs.

import { judge, type Proof, WRONG } from './proof.js'
import { type Interval, interval } from './statistics.js'
import type { Subject } from './subject.js'
import { type Answers, measure } from './tasks.js'

/** The pages of a warm file that each turn reads, and the number of turns. */
const WARM = { pages: 1000, turns: 31 }
/** The milliseconds that node:fs should take for the cold pages of a pass; a first pass finds their number. */
const COLD = { passes: 7, milliseconds: 500, first: 64, most: 8192 }

export const warmReads: Proof = {
  promise: 2,
  claim: 'Warm data is returned at once.',
  rule: 'read() of 4 KiB in memory is faster than FileHandle.read',
  async measure(subject, signal) {
    const { offsets } = subject.pages(WARM.pages, subject.length)
    const { same, pairs } = await measure({ kind: 'warm', path: subject.path, offsets, turns: WARM.turns }, [], signal)
    if (!same) return WRONG
    const each = (milliseconds: number) => (1000 * milliseconds) / WARM.pages
    const ratio = interval(pairs.map(({ fs, faultless }) => fs / faultless))
    const ours = interval(pairs.map(({ faultless }) => each(faultless)))
    const conventional = interval(pairs.map(({ fs }) => each(fs)))
    return {
      verdict: judge(ratio, value => value > 1),
      text:
        `4 KiB in memory, one after the other: ${micros(ours)} by read(), ${micros(conventional)} by FileHandle.read: ` +
        `${times(ratio)} as fast.`,
      figures: { ratio, microseconds: ours, fsMicroseconds: conventional },
    }
  },
}

export const coldReads: Proof = {
  promise: 2,
  claim: 'Cold data is read as fast as the disk allows, whatever the number of ranges.',
  rule: 'many concurrent cold reads of 4 KiB are faster than FileHandle.read; only fio can measure the limit of the disk',
  async measure(subject, signal) {
    const trial = await once(subject, 'fs', subject.pages(COLD.first).offsets, signal)
    const wanted = Math.round((COLD.first * COLD.milliseconds) / trial.milliseconds)
    const count = Math.max(COLD.first, Math.min(COLD.most, wanted))
    const pairs: { fs: number; faultless: number }[] = []
    for (let pass = 0; pass < COLD.passes; pass += 1) {
      const { offsets, digest } = subject.pages(count)
      const fs = await once(subject, 'fs', offsets, signal)
      const faultless = await once(subject, 'faultless', offsets, signal)
      if (fs.digest !== digest || faultless.digest !== digest) return WRONG
      pairs.push({ fs: fs.milliseconds, faultless: faultless.milliseconds })
    }
    const rate = (milliseconds: number) => (1000 * count) / milliseconds
    const ratio = interval(pairs.map(({ fs, faultless }) => fs / faultless))
    const ours = interval(pairs.map(({ faultless }) => rate(faultless)))
    const conventional = interval(pairs.map(({ fs }) => rate(fs)))
    return {
      verdict: judge(ratio, value => value > 1),
      text:
        `${count} cold reads of 4 KiB at once: ${Math.round(ours.median)} a second by read(), ` +
        `${Math.round(conventional.median)} by FileHandle.read: ${times(ratio)} as fast.`,
      figures: { ratio, readsPerSecond: ours, fsReadsPerSecond: conventional, reads: count },
    }
  },
}

function once(
  subject: Subject,
  method: 'fs' | 'faultless',
  offsets: number[],
  signal: AbortSignal,
): Promise<Answers['cold']> {
  return measure({ kind: 'cold', path: subject.path, method, offsets }, [() => subject.cool()], signal)
}

const micros = ({ median }: Interval) => `${Number(median.toPrecision(3))} µs`
const times = ({ median, low, high }: Interval) => `${short(median)} [${short(low)}, ${short(high)}] times`
const short = (value: number) => Number(value.toPrecision(3))
