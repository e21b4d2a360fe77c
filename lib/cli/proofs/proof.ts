// A proof: one promise of the README, measured, with a verdict by a rule that was fixed beforehand.

import type { Interval } from './statistics.js'
import { NotShown, type Subject } from './subject.js'

export type Verdict = 'kept' | 'broken' | 'inconclusive' | 'not shown'

export interface Finding {
  verdict: Verdict
  /** What was measured, in a sentence. */
  text: string
  figures?: Record<string, Interval | number>
}

export interface Proof {
  /** Its number in the README. */
  promise: number
  claim: string
  /** When it counts as kept. */
  rule: string
  measure(subject: Subject, signal: AbortSignal): Promise<Finding>
}

/** What becomes of a proof: where it cannot be shown the finding says why. */
export async function take({ measure }: Proof, subject: Subject, signal: AbortSignal): Promise<Finding> {
  try {
    return await measure(subject, signal)
  } catch (error) {
    if (error instanceof NotShown) return { verdict: 'not shown', text: error.message }
    throw error
  }
}

/** Times of a wrong answer count for nothing. */
export const WRONG: Finding = { verdict: 'broken', text: 'the bytes that were read are not those of the file' }

/** Kept where the whole interval is on the good side of the line, broken where it is on the other. */
export function judge({ low, high }: Interval, isGood: (value: number) => boolean): Verdict {
  if (isGood(low) && isGood(high)) return 'kept'
  return isGood(low) || isGood(high) ? 'inconclusive' : 'broken'
}
