// A proof: the measurement of one promise of the README, with a verdict by a rule that was fixed beforehand.

import type { Interval } from './statistics.js'
import { NotShown, type Subject } from './subject.js'

export type Verdict = 'kept' | 'broken' | 'inconclusive' | 'not shown'

export interface Finding {
  verdict: Verdict
  /** The measured result, in a sentence. */
  text: string
  figures?: Record<string, Interval | number>
}

export interface Proof {
  /** The number of the promise in the README. */
  promise: number
  claim: string
  /** The condition for the verdict kept. */
  rule: string
  measure(subject: Subject, signal: AbortSignal): Promise<Finding>
}

/** Runs a proof. Where it cannot be shown, the finding has the reason. */
export async function take({ measure }: Proof, subject: Subject, signal: AbortSignal): Promise<Finding> {
  try {
    return await measure(subject, signal)
  } catch (error) {
    if (error instanceof NotShown) return { verdict: 'not shown', text: error.message }
    throw error
  }
}

/** The finding for wrong bytes: their times do not count. */
export const WRONG: Finding = { verdict: 'broken', text: 'the bytes that were read are not those of the file' }

/** Kept where the whole interval is on the good side of the limit, broken where it is on the other side. */
export function judge({ low, high }: Interval, isGood: (value: number) => boolean): Verdict {
  if (isGood(low) && isGood(high)) return 'kept'
  return isGood(low) || isGood(high) ? 'inconclusive' : 'broken'
}
