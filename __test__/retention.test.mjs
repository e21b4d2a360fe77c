// The memory that a tuned process holds: bounded in every program, and given back by a thread that sleeps when idle.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { allocator } from 'faultless'
import { Program } from '../bench/harness/child.mjs'
import { dataFile } from '../bench/harness/files.mjs'
import { faultless } from './helpers/cli.mjs'
import { memoryLimited, runNode } from './helpers/fault-rig.mjs'
import { MiB } from './helpers/files.mjs'
import { needs, program, programPath, required, unless } from './helpers/rig.mjs'

const PROGRAM = fileURLToPath(new URL('../bench/programs/retention.mjs', import.meta.url))
const JEMALLOC = ['x86_64', 'aarch64'].map(cpu => `/usr/lib/${cpu}-linux-gnu/libjemalloc.so.2`).find(existsSync)
const TUNED = { NODE_OPTIONS: '--import faultless/tune' }
/** Thresholds of 64 MiB with nothing that gives back: the defaults of tune() as they were. */
const UNBOUNDED = { MALLOC_MMAP_THRESHOLD_: 32 * MiB, MALLOC_TRIM_THRESHOLD_: 64 * MiB, MALLOC_TOP_PAD_: 64 * MiB }
const { applied, reason } = allocator.tune()

/** For where memory is given back. */
const bounded = unless(applied.memory === undefined ? reason : undefined)
const noJemalloc = JEMALLOC ? undefined : 'there is no libjemalloc.so.2 (Debian: libjemalloc2)'

/** What one of the programs of the experiment `retention` held. */
async function held(task, env) {
  const running = new Program(task.name, PROGRAM, { pause: 3000, ...task }, env)
  try {
    const { peak } = await running.answer('worked')
    const { idle, decision } = await running.answer('idle')
    await running.stop()
    return { peak, idle, decision }
  } finally {
    await running.kill()
  }
}

const inMiB = bytes => Math.round(bytes / MiB)

for (const task of [
  { name: 'deflates', scale: 0.3, keeps: true },
  { name: 'once', scale: 0.4, keeps: true },
  { name: 'turns', scale: 0.5 },
  { name: 'workers', scale: 0.2 },
  { name: 'reads', scale: 0.3, size: 8 * MiB, path: dataFile(8 * MiB).path },
]) {
  bounded(`${task.name}: 3 s later a tuned process holds 64 MiB more than an untuned one at most`, async t => {
    const { keeps, ...rest } = task
    const [plain, tuned, unbounded] = await Promise.all([held(rest), held(rest, TUNED), held(rest, UNBOUNDED)])
    for (const [way, each] of Object.entries({ plain, tuned, unbounded }))
      t.log(`${way}: ${inMiB(each.peak)} MiB at the peak, then ${inMiB(each.idle)}`)
    t.true(tuned.idle <= plain.idle + 64 * MiB)
    t.true(tuned.decision.why.length > 0)
    // Otherwise the test would show nothing: without the thread that returns memory, they hold more.
    if (keeps) {
      t.true(unbounded.idle > plain.idle + 64 * MiB)
      t.true(tuned.peak <= 1.25 * plain.peak)
    }
  })
}

const inCgroup = applied.memory === undefined ? bounded : needs('memoryLimit')
inCgroup('in a cgroup in which a burst leaves room for what comes next untuned, it does tuned', async t => {
  const run = async env => {
    const group = memoryLimited(1500 * MiB)
    const { code, signal, stdout } = await runNode(programPath('burst-then-buffers'), [], { cgroups: [group], env })
    group.dispose()
    return { survived: code === 0, ended: signal ?? code, stdout }
  }
  // One after the other, because CPU time must not affect the test.
  const plain = await run()
  t.log(`untuned: ${plain.ended} ${plain.stdout}`)
  t.true(plain.survived, 'untuned it survives, or the cgroup says nothing')
  const tuned = await run(TUNED)
  t.log(`tuned: ${tuned.ended} ${tuned.stdout}`)
  t.true(tuned.survived)
  t.false((await run(UNBOUNDED)).survived, 'the defaults that tune() had kill it')
})

bounded('allocator.trim() gives back what an untuned process holds, while its event loop goes on', async t => {
  const { bytes, fell, turns, intact, again } = await program(t, 'freed', ['{"trim":true}'])
  t.log(`${inMiB(bytes)} MiB, ${turns} turns of the loop`)
  t.true(bytes > 100 * MiB)
  t.true(Math.abs(bytes - fell) < 16 * MiB, `resident memory fell by ${fell}`)
  t.true(turns > 5)
  t.true(intact)
  t.true(again < 16 * MiB)
})

bounded(
  'a bound holds, seen from outside, and the thread that keeps it sleeps when there is nothing to do',
  async t => {
    const memory = 16 * MiB
    // Several runs, because the memory is freed at different moments between two checks of the thread.
    const all = Array.from({ length: 8 }, () => new Program('freed', programPath('freed'), { memory }))
    t.teardown(() => Promise.all(all.map(running => running.kill())))
    await Promise.all(all.map(running => running.answer('freed')))
    const pids = all.map(({ pid }) => pid)
    const switched = () => pids.map(switches).join()
    // Each sleep is a context switch. None in two seconds means that nothing wakes the thread.
    let [before, now] = [undefined, switched()]
    for (let tries = 0; tries < 8 && now !== before; tries += 1) {
      before = now
      await sleep(2000)
      now = switched()
    }
    t.is(now, before)
    for (const pid of pids) {
      const { code, stdout } = await faultless(['memory', pid, '--json'])
      t.is(code, 0, stdout)
      const { arenas, total } = JSON.parse(stdout)
      t.true(total.free > 200 * MiB, 'free for malloc')
      t.true(total.resident <= memory, `${inMiB(total.resident)} MiB of it are in memory`)
      t.true(total.top <= total.free && total.free <= total.mapped)
      t.is(arenas.filter(({ main }) => main).length, 1)
    }
    const text = await faultless(['memory', pids[0]])
    t.regex(text.stdout, /^heaps +got +in use +free +at its end +free in memory +arena\n/)
    t.regex(text.stdout, /Little memory can be given back/)
    await Promise.all(all.map(running => running.stop()))
  },
)

/** How often the thread that gives back has gone to sleep or was sent there. @param {number} pid */
function switches(pid) {
  const tasks = readdirSync(`/proc/${pid}/task`).map(id => readFileSync(`/proc/${pid}/task/${id}/status`, 'utf8'))
  const [status] = tasks.filter(text => /^Name:\tfaultless-trimm/.test(text))
  return [...status.matchAll(/voluntary_ctxt_switches:\t(\d+)/g)].map(([, count]) => count).join()
}

bounded('the command memory reports free memory, with advice', async t => {
  const running = new Program('freed', programPath('freed'), {})
  t.teardown(() => running.kill())
  await running.answer('freed')
  const { code, stdout } = await faultless(['memory', running.pid])
  t.is(code, 1)
  t.regex(stdout, /MiB of physical memory are free in malloc/)
  t.regex(stdout, /allocator\.trim\(\)/)
  await running.stop()
})

bounded('arenas keep memory that is used again, and none where much was unused; decisions have a reason', async t => {
  const decided = await program(t, 'adapts')
  t.deepEqual(
    decided.map(({ keeps }) => keeps),
    [true, false, true],
  )
  const [first, unused, missed] = decided
  t.regex(first.why, /no unused memory was found/)
  t.regex(unused.why, /\d KiB were free and unused; the limit is 65536 KiB/)
  t.true(missed.gaveBack > 0)
  t.regex(missed.why, /page faults in 400 ms/)
})

bounded('memory of other threads stays as it is while it is trimmed, workers end and children are forked', async t => {
  const { wrong, trimmed, decision } = await program(t, 'trimmed-under-fire')
  t.is(wrong, 0)
  t.true(trimmed > 0)
  t.true(decision.pauses.count > 100)
})

required(noJemalloc)('another malloc can be neither trimmed nor read, and the error names it', async t => {
  const env = { LD_PRELOAD: JEMALLOC }
  const running = new Program('freed', programPath('freed'), {}, env)
  t.teardown(() => running.kill())
  await running.answer('freed')
  const { code, stderr } = await faultless(['memory', running.pid])
  t.is(code, 3)
  t.regex(stderr, /another malloc/)
  await running.stop()
  const refused = await runNode(programPath('freed'), ['{"trim":true}'], { env })
  t.not(refused.code, 0)
  t.regex(refused.stderr, /ERR_UNSUPPORTED/)
  t.true(refused.stderr.includes(JEMALLOC))
})
