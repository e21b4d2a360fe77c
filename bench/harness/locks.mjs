// Counts how often a process takes the lock of its address space for writing, with the kernel's own tracepoint.
import { Group } from './barrier.mjs'
import { startCommand } from './child.mjs'
import { dataFile } from './files.mjs'

/** Counts are kept for each millisecond, so that windows can be cut out of them afterwards. */
const NANOSECONDS = 1_000_000
/** So many milliseconds with any event at all can be told apart. */
const KEYS = 1 << 16

/** What workers need to hear of a start before it comes, in milliseconds. */
const LEAD = 50

/**
 * Has k workers read in windows, and counts. What comes before the windows is not counted: heaps grow, code is compiled.
 * @param {import('./cells.mjs').Cell} cell
 * @param {{ warmup: number, rounds: number, milliseconds: number }} windows
 */
export async function countLocks(cell, { warmup, rounds, milliseconds }) {
  const group = new Group(cell, 'workers', dataFile(cell.size))
  const trace = new LockTrace(group.pid)
  await Promise.all([group.ready(), trace.ready()])
  await group.sample({ lead: LEAD, milliseconds: warmup })
  const windows = []
  for (let round = 0; round < rounds; round += 1) windows.push(await group.sample({ lead: LEAD, milliseconds }))
  const count = await trace.stop()
  await group.stop()
  return windows.map(({ start, members }) => {
    const reads = members.reduce((sum, { operations }) => sum + operations, 0)
    const writes = count(start, start + Math.max(...members.map(({ elapsed }) => elapsed)))
    return { reads, writes, perThousand: (1000 * writes) / reads }
  })
}

class LockTrace {
  #bpftrace
  #lines
  #attached

  /** @param {number} pid of the process, all of whose threads are followed */
  constructor(pid) {
    const script = [
      `tracepoint:mmap_lock:mmap_lock_acquire_returned /pid == ${pid} && args->write && args->success/`,
      `{ @writes[nsecs / ${NANOSECONDS}] = count(); }`,
    ].join(' ')
    // With -p it ends when the process does.
    this.#bpftrace = startCommand('bpftrace', ['-f', 'json', '-B', 'none', '-p', String(pid), '-e', script], {
      env: { BPFTRACE_MAP_KEYS_MAX: String(KEYS) },
    })
    this.#lines = ''
    this.#attached = new Promise(resolve => {
      this.#bpftrace.handle.stdout.on('data', text => {
        this.#lines += text
        if (this.#lines.includes('attached_probes')) resolve()
      })
    })
  }

  /** Resolves when it counts. */
  async ready() {
    const died = this.#bpftrace.ended.then(error => {
      throw this.#bpftrace.failure(error?.message ?? 'ended before its time')
    })
    await this.#bpftrace.bounded(Promise.race([this.#attached, died]), 'count')
  }

  /** Ends the count. Gives back a function that tells how many there were from one time on the clock of `hrtime`, in milliseconds, to another. */
  async stop() {
    this.#bpftrace.handle.kill('SIGINT')
    await this.#bpftrace.end()
    const messages = this.#lines
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line))
    const counts = Object.entries(messages.find(({ type }) => type === 'map')?.data['@writes'] ?? {})
    return (from, to) =>
      counts.reduce((sum, [at, count]) => (Number(at) >= Math.floor(from) && Number(at) <= to ? sum + count : sum), 0)
  }
}
