// Proves that no call waits for a disk on the JS thread: measures the delay of the event loop while a cold file is
// read.

import { formatTime } from '../sizes.js'
import { judge, type Proof, WRONG } from './proof.js'
import { type Interval, interval } from './statistics.js'
import { NotShown, type Subject } from './subject.js'
import { type Answers, measure } from './tasks.js'

const PASSES = 9
/** Milliseconds below which a blocked loop cannot be distinguished from a busy one. */
const STALL = 10

export const stall: Proof = {
  promise: 1,
  claim: 'No call waits for a disk on the JavaScript thread.',
  rule: 'the longest stall of chunks() is less than a tenth of that of touching the same bytes in a plain mapping',
  async measure(subject, signal) {
    const sum = subject.sum()
    const touched: Answers['stall'][] = []
    const ours: Answers['stall'][] = []
    for (let pass = 0; pass < PASSES; pass += 1) {
      touched.push(await once(subject, 'touch', signal))
      ours.push(await once(subject, 'faultless', signal))
    }
    if ([...touched, ...ours].some(each => each.sum !== sum)) return WRONG
    const plain = interval(touched.map(({ longest }) => longest))
    const longest = interval(ours.map(({ longest }) => longest))
    if (plain.median < STALL)
      throw new NotShown(`even a plain mapping stalls the loop for only ${formatTime(plain.median)}`)
    const ratio = interval(ours.map(({ longest }, pass) => longest / (touched[pass] as Answers['stall']).longest))
    return {
      verdict: judge(ratio, value => value < 0.1),
      text: `A cold file is summed up: the longest stall of the loop is ${times(longest)} with chunks(), ${times(plain)} with a plain mapping.`,
      figures: { ratio, longestStall: longest, plainMapping: plain },
    }
  },
}

const once = (subject: Subject, method: 'touch' | 'faultless', signal: AbortSignal) =>
  measure({ kind: 'stall', path: subject.path, method, length: subject.length }, [() => subject.cool()], signal)

const times = ({ median, low, high }: Interval) => `${formatTime(median)} [${formatTime(low)}, ${formatTime(high)}]`
