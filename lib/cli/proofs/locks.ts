// Proves that steady reads do not take mmap_lock for writing: counts how often worker threads do, by tracepoints of the
// kernel.

import { setTimeout } from 'node:timers/promises'
import { LockTrace, tracingObstacle } from '../tracing/locks/index.js'
import { type Proof, WRONG } from './proof.js'
import { NotShown, type Subject } from './subject.js'
import { type Answers, measure } from './tasks.js'

const THREADS = 4
const SIZE = 1 << 20
/** Bytes of the file that they read over and over. */
const LENGTH = 4 << 20
/** Milliseconds of counting. */
const WINDOW = 2000

export const lockWrites: Proof = {
  promise: 3,
  claim: 'In the steady state mmap_lock is not taken for writing, whatever the number of threads.',
  rule: 'readInto() of 1 MiB by four workers takes it less than once in 1,000 reads',
  async measure(subject, signal) {
    const obstacle = tracingObstacle()
    if (obstacle) throw new NotShown(obstacle.reason)
    const ours = await once(subject, 'readInto', signal)
    const fresh = await once(subject, 'readSync', signal)
    if (!ours.same || !fresh.same) return WRONG
    return {
      verdict: ours.perThousand < 1 ? 'kept' : 'broken',
      text:
        `${THREADS} workers, 1 MiB in memory, ${WINDOW / 1000} s: taken ${each(ours)} by readInto(), ${each(fresh)} by ` +
        'readSync into fresh buffers.',
      figures: {
        writesPerThousandReads: ours.perThousand,
        reads: ours.reads,
        fsWritesPerThousandReads: fresh.perThousand,
        fsReads: fresh.reads,
      },
    }
  },
}

type Count = Answers['locks'] & { writes: number; perThousand: number }

async function once(subject: Subject, method: 'readSync' | 'readInto', signal: AbortSignal): Promise<Count> {
  let trace: LockTrace | undefined
  const steps = [
    async (pid: number) => {
      trace = await LockTrace.start([pid], { marks: true })
      trace.mark()
    },
    async () => {
      await setTimeout(WINDOW, undefined, { signal })
      trace?.mark()
    },
  ]
  try {
    const task = { kind: 'locks', path: subject.path, method, threads: THREADS, size: SIZE, length: LENGTH } as const
    const found = await measure(task, steps, signal)
    const report = await trace?.stop()
    trace = undefined
    const writes = report?.sections[1]?.total.writes.count ?? 0
    return { ...found, writes, perThousand: (1000 * writes) / found.reads }
  } finally {
    await trace?.abandon()
  }
}

const each = ({ writes, reads, perThousand }: Count) =>
  `${writes} times in ${reads} reads (${Number(perThousand.toPrecision(2))} in 1,000)`
