// Page faults in the format of Chrome's trace events, which chrome://tracing, ui.perfetto.dev and node --trace-events-enabled share.

import type { Fault, FaultReport } from './tracing/faults/index.js'
import { textOf } from './tracing/index.js'

/** Times are in microseconds, on the clock of Node's own trace events, so that both can be viewed together. */
export function traceEvents({ faults, threads }: FaultReport, where: (fault: Fault) => string[]): object {
  const names = threads.map(({ pid, tid, role, thread }) => {
    return { name: 'thread_name', ph: 'M', pid, tid, args: { name: `${role}: ${thread}` } }
  })
  const waits = faults.map(fault => {
    const { pid, tid, monotonic, waited, major, memory, frames } = fault
    const args = { ...memory, major, stack: frames.map(textOf) }
    return {
      name: where(fault).join(' ← '),
      cat: 'page fault',
      ph: 'X',
      ts: monotonic / 1e3,
      dur: waited / 1e3,
      pid,
      tid,
      args,
    }
  })
  return { traceEvents: [...names, ...waits] }
}
