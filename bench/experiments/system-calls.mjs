// system-calls: in which system calls do worker threads take mmap_lock for writing, and does Node have a lock of its own?
import { readFileSync } from 'node:fs'
import Table from 'cli-table3'
import { median } from 'simple-statistics'
import { tracingObstacle } from '../../dist/lib/cli/tracing/locks/index.js'
import { Group } from '../harness/barrier.mjs'
import { KiB } from '../harness/cells.mjs'
import { startCommand } from '../harness/child.mjs'
import { dataFile } from '../harness/files.mjs'
import { pairwise } from '../harness/ratios.mjs'
import { nothingMore } from '../harness/requirements.mjs'
import { estimate } from '../harness/statistics.mjs'
import { measureTrials, Trials, trialsTime } from '../harness/trials.mjs'
import { tuned } from '../harness/variants.mjs'
import { atLeast, below, within } from '../harness/verdict.mjs'
import { readers } from '../programs/readers.mjs'
import { brief, PLAIN } from '../report/format.mjs'
import { reasonAgainst } from '../report/trials.mjs'
import { contention, ours } from './sources.mjs'

const SIZES = {
  toy: { k: 2, size: 512, reads: 20, passes: 1 },
  quick: { k: 8, size: 64 * KiB, reads: 500, passes: 4 },
  full: { k: 8, size: 64 * KiB, reads: 2000, passes: 4 },
}
/** By their numbers on x86-64. */
const CALLS = {
  0: 'read',
  1: 'write',
  3: 'close',
  5: 'fstat',
  9: 'mmap',
  10: 'mprotect',
  11: 'munmap',
  12: 'brk',
  16: 'ioctl',
  17: 'pread64',
  25: 'mremap',
  27: 'mincore',
  28: 'madvise',
  47: 'recvmsg',
  98: 'getrusage',
  202: 'futex',
  257: 'openat',
  281: 'epoll_pwait',
  327: 'preadv2',
  332: 'statx',
}
/** Whoever takes the lock outside of a system call handles a page fault. */
const FAULT = 'page fault'
const READERS = ['readFileSync', 'readFile-8', 'readSync', 'readInto']
/** Most milliseconds that the reads may take, and about what a trace takes. */
const PATIENCE = 20_000
const TRACING = 5000

const WAYS = [...READERS.map(id => ({ id, reader: id })), { id: 'tuned', reader: 'readFileSync', variant: tuned }]

/** @param {import('../harness/cells.mjs').RunSize} size @returns {import('../harness/trials.mjs').Work[]} */
function worksOf(size, missing) {
  const { passes, ...cell } = SIZES[size]
  const ways = WAYS.map(({ id, reader, variant }) => ({
    id,
    label: `${readers[reader].label}${variant ? ', with faultless/tune' : ''}`,
    passes,
    rounds: 1,
    milliseconds: TRACING,
    missing,
    run: () => countCalls({ ...cell, reader, ...variant?.() }),
  }))
  return [
    {
      id: 'calls',
      title: 'first reads of workers',
      unit: 'lock writes a read',
      value: ({ writes }) => sum(writes),
      ways,
    },
  ]
}

/** @param {import('../harness/cells.mjs').Cell & { reads: number }} cell */
async function countCalls({ reads, ...cell }) {
  const group = new Group(cell, 'workers', dataFile(cell.size))
  try {
    await group.ready()
    const stop = await traceCalls(group.pid)
    const { members } = await group.sample({ lead: 50, milliseconds: PATIENCE, reads })
    const { calls, writes } = await stop()
    const mappings = readFileSync(`/proc/${group.pid}/maps`, 'utf8').split('\n').length - 1
    await group.stop()
    const done = members.reduce((total, { operations }) => total + operations, 0)
    const perRead = counts => Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count / done]))
    return [{ reads: done, mappings, calls: perRead(calls), writes: perRead(writes) }]
  } finally {
    await group.kill()
  }
}

/**
 * Counts the system calls of a process, and in which of them it asks for the lock. Resolves once all probes are in place: the one
 * that says so is the last. A signal 0 of this process to itself ends the count.
 * @param {number} pid
 */
async function traceCalls(pid) {
  const program = `
tracepoint:raw_syscalls:sys_enter /pid == ${pid}/ { @inside[tid] = args->id + 1; @calls[args->id] = count(); }
tracepoint:raw_syscalls:sys_exit /pid == ${pid}/ { delete(@inside[tid]); }
tracepoint:mmap_lock:mmap_lock_start_locking /pid == ${pid} && args->write/ { @writes[@inside[tid]] = count(); }
tracepoint:syscalls:sys_enter_kill /pid == ${process.pid} && args->sig == 0/ { exit(); }
interval:ms:20 /!@ready/ { @ready = 1; printf("ready\\n"); }
END { clear(@inside); clear(@ready); }`
  const child = startCommand('bpftrace', ['-f', 'json', '-e', program])
  let printed = ''
  const ready = new Promise(resolve => {
    child.handle.stdout.setEncoding('utf8').on('data', text => {
      printed += text
      if (printed.includes('ready')) resolve(undefined)
    })
  })
  await child.bounded(Promise.race([ready, child.ended.then(error => Promise.reject(error))]), 'trace')
  return async () => {
    process.kill(process.pid, 0)
    await child.end()
    const maps = printed
      .split('\n')
      .flatMap(line => (line.startsWith('{"type": "map"') ? Object.entries(JSON.parse(line).data) : []))
    const counts = (wanted, shift) => {
      const found = Object.entries(Object.fromEntries(maps)[wanted] ?? {})
      return Object.fromEntries(found.map(([key, count]) => [nameOf(Number(key) - shift), count]))
    }
    return { calls: counts('@calls', 0), writes: counts('@writes', 1) }
  }
}

const nameOf = number => (number === -1 ? FAULT : (CALLS[number] ?? `call ${number}`))
const sum = counts => Object.values(counts).reduce((total, count) => total + count, 0)
const callsOf = (sample, ...names) => names.reduce((total, name) => total + (sample.calls[name] ?? 0), 0)
const shareOf = ({ writes }, ...names) => names.reduce((total, name) => total + (writes[name] ?? 0), 0) / sum(writes)
const figure = (trials, way, of) => estimate(trials.samples('calls', way).map(rounds => rounds.map(of)))

/** A row for each way: how often it makes each call, and takes the lock in it. */
function report(trials) {
  const ways = WAYS.filter(({ id }) => !reasonAgainst(trials, 'calls', id))
  const lines = WAYS.flatMap(({ id }) => reasonAgainst(trials, 'calls', id) ?? [])
  const all = ways.map(({ id }) => trials.samples('calls', id).flat())
  const middle = (samples, kind, name) => median(samples.map(sample => sample[kind][name] ?? 0))
  const drawn = ['calls', 'writes'].map(kind => {
    const names = [...new Set(all.flat().flatMap(sample => Object.keys(sample[kind])))]
    const shown = names.filter(name => all.some(samples => middle(samples, kind, name) >= 0.001))
    const table = new Table({
      style: PLAIN,
      head: [kind === 'calls' ? 'calls a read' : 'lock writes a read', ...ways.map(({ id }) => id)],
    })
    for (const name of shown) table.push([name, ...all.map(samples => brief(middle(samples, kind, name)))])
    return table.toString()
  })
  return [...drawn, ...lines].join('\n')
}

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'system-calls',
  answers: ['W5', 'W6', 'W46', 'W47', 'W63', 'W92', 'W104'],
  title: 'System calls and their locks',
  question: 'In which system calls do worker threads take mmap_lock for writing, and does Node take a lock of its own?',
  obstacle: () => (process.arch === 'x64' ? undefined : 'system calls are known by their numbers on x86-64'),
  named: true,
  variants: () => [],
  time: size => trialsTime(worksOf(size)),

  async measure(context) {
    const trials = new Trials(worksOf(context.size, tracingObstacle()?.reason))
    await measureTrials(trials, context)
    return trials
  },
  report,

  claims: [
    {
      id: 'system-calls/no-lock-of-node',
      source: contention,
      needs: nothingMore,
      text: 'readFileSync of 64 KiB, k=8: Node takes no lock of its own: fewer than 5 futex calls for 100 reads',
      figure: 'none',
      unit: 'futex calls a read',
      rule: below(0.05),
      measure: (_, trials) => figure(trials, 'readFileSync', sample => callsOf(sample, 'futex')),
    },
    {
      id: 'system-calls/inline',
      source: contention,
      needs: nothingMore,
      text: 'reuse of one buffer, 64 KiB, k=8: a synchronous read makes its system calls on its own thread: promises need at least 10 times as many futex calls',
      figure: 'the pool of libuv is passed by',
      unit: 'futex calls a read, readFile / readSync',
      rule: atLeast(10),
      measure: (_, trials) =>
        pairwise(
          trials.samples('calls', 'readFile-8'),
          trials.samples('calls', 'readSync'),
          (a, b) => callsOf(a, 'futex') / Math.max(callsOf(b, 'futex'), 0.001),
        ),
    },
    {
      id: 'system-calls/same',
      source: contention,
      needs: nothingMore,
      text: '64 KiB, k=8: reading into one buffer makes as many open, read and close calls as readFileSync: the allocation is what differs',
      figure: 'the same calls',
      unit: 'open, read and close calls, readSync / readFileSync',
      rule: within(0.7, 1.3),
      measure: (_, trials) =>
        pairwise(
          trials.samples('calls', 'readSync'),
          trials.samples('calls', 'readFileSync'),
          (a, b) => callsOf(a, 'openat', 'read', 'pread64', 'close') / callsOf(b, 'openat', 'read', 'pread64', 'close'),
        ),
    },
    {
      id: 'system-calls/arenas',
      source: contention,
      needs: nothingMore,
      text: 'readFileSync of 64 KiB, k=8: arenas that grow and shrink (mprotect, madvise, brk) are most of the lock writes, and not mmap',
      figure: 'arena growth, madvise, mmap where they fail',
      unit: 'of the lock writes',
      rule: atLeast(0.5),
      measure: (_, trials) => figure(trials, 'readFileSync', sample => shareOf(sample, 'mprotect', 'madvise', 'brk')),
    },
    {
      id: 'system-calls/not-only-mmap',
      source: contention,
      needs: nothingMore,
      text: 'readFileSync of 64 KiB, below the mmap threshold of 128 KiB: workers still take the write lock at least 5 times in 100 reads',
      figure: 'the threshold is not the only trigger',
      unit: 'lock writes a read',
      rule: atLeast(0.05),
      measure: (_, trials) => figure(trials, 'readFileSync', ({ writes }) => sum(writes)),
    },
    {
      id: 'system-calls/limit-of-mappings',
      source: contention,
      needs: nothingMore,
      text: 'readFileSync of 64 KiB, k=8: no call fails for vm.max_map_count: workers have less than a tenth of as many mappings',
      figure: 'not the limit',
      unit: 'of vm.max_map_count',
      rule: below(0.1),
      measure: (_, trials) =>
        figure(
          trials,
          'readFileSync',
          ({ mappings }) => mappings / Number(readFileSync('/proc/sys/vm/max_map_count', 'utf8')),
        ),
    },
    {
      id: 'system-calls/tuned',
      source: ours,
      text: 'readFileSync of 64 KiB, k=8: with faultless/tune workers take the lock for writing less than a third as often',
      figure: 'below 0.33',
      unit: 'with faultless/tune / without',
      rule: below(0.33),
      measure: (_, trials) =>
        pairwise(
          trials.samples('calls', 'tuned'),
          trials.samples('calls', 'readFileSync'),
          (a, b) => sum(a.writes) / sum(b.writes),
        ),
    },
  ],
}
