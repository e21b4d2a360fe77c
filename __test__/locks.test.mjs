// The tracer of mmap_lock: counts of commands and of running processes, by process and thread name, without a loss.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { join } from 'node:path'
import { LockTrace, traceCommand, tracingObstacle } from '../dist/lib/cli/tracing/locks/index.js'
import { temporaryFolder } from './helpers/files.mjs'
import { programPath, required } from './helpers/rig.mjs'

const { serial: traced } = required(tracingObstacle()?.reason)

/** Takes the lock for writing at least so often in each thread that it is told to name. */
const mapper = programPath('mapper')
const WRITES = 600

const withName = (threads, name) => threads.filter(({ thread }) => thread === name)

/** What must hold of every report. */
function adds(t, { total, threads, lost }) {
  for (const kind of ['writes', 'reads']) {
    const { count, waited } = total[kind]
    const sum = of => threads.reduce((all, one) => all + of(one[kind]), 0)
    t.is(
      count,
      sum(one => one.count),
    )
    t.is(
      count,
      waited.histogram.reduce((all, bucket) => all + bucket.count, 0),
    )
    t.is(
      waited.total,
      sum(one => one.waited.total),
    )
    t.true(waited.longest <= waited.total)
  }
  t.is(lost, 0)
}

traced('a command is followed into its threads and its children, whatever they are called', async t => {
  const report = await traceCommand(process.execPath, [mapper, 'parent', 'wörker, "1"', 'child'], { stdio: 'ignore' })
  adds(t, report)
  t.deepEqual(report.exit, { code: 0, signal: null })
  t.true(report.elapsed > 0)
  // Between fork and exec, a child has the name of its parent.
  const busy = report.threads.filter(({ writes }) => writes.count >= WRITES)
  const [[parent], [worker], [child]] = ['parent', 'wörker, "1"', 'child'].map(name => withName(busy, name))
  t.is(busy.length, 3)
  t.is(worker.pid, parent.pid)
  t.not(child.pid, parent.pid)
})

traced(
  'a running process is followed by its id, threads born later too, and is cut into sections by marks',
  async t => {
    const child = spawn(process.execPath, [mapper, '--wait', 'parent', 'late'], { stdio: ['pipe', 'pipe', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    const trace = await LockTrace.start([child.pid], { marks: true, stacks: true })
    trace.mark()
    child.stdin.write('go\n')
    await once(child.stdout, 'data')
    trace.mark()
    const report = await trace.stop()
    t.is(child.exitCode, null)
    adds(t, report)
    const [before, during, after] = report.sections
    t.true(withName(during.threads, 'late')[0].writes.count >= WRITES)
    t.deepEqual(withName(before.threads, 'late'), [])
    t.deepEqual(withName(after.threads, 'late'), [])
    const takers = report.stacks.filter(({ write, thread }) => write && thread === 'late')
    t.true(takers.some(({ frames }) => frames.some(({ name }) => /mmap/.test(name))))
  },
)

traced('acquisitions of other processes are left out, and counted', async t => {
  const other = spawn(process.execPath, [mapper, '--wait', 'other', 'thread'], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => other.kill('SIGKILL'))
  await once(other.stdout, 'data')
  const bystander = spawn('sleep', ['600'])
  t.teardown(() => bystander.kill())
  const trace = await LockTrace.start([bystander.pid])
  other.stdin.write('go\n')
  await once(other.stdout, 'data')
  const report = await trace.stop()
  adds(t, report)
  t.deepEqual(report.threads, [])
  t.true(report.leftOut >= 2 * WRITES)
})

traced('a command that cannot be started says so by its exit code', async t => {
  const { exit } = await traceCommand('/no/such/command', [], { stdio: 'ignore' })
  t.is(exit.code, 127)
})

traced('an interrupted command is ended, and the counts so far are reported', async t => {
  const interruption = new AbortController()
  const begun = join(temporaryFolder(t), 'begun')
  const watching = setInterval(() => fs.existsSync(begun) && interruption.abort(), 20)
  t.teardown(() => clearInterval(watching))
  const words = ['-c', `touch ${begun}; exec sleep 600`]
  const report = await traceCommand('sh', words, { stdio: 'ignore', signal: interruption.signal })
  adds(t, report)
  t.is(report.exit.signal, 'SIGTERM')
})
