// `faultless faults` on a slow disk: every page fault that a program waits in, with its function, file and thread, and
// no others.
//
// Counts are compared with those of the kernel for the thread, waits with the delay of the event loop.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { callersOf, otherwise } from '../dist/lib/cli/callers.js'
import { mappingAddon } from './helpers/addon.mjs'
import { BIN, faultless, faultlessAs } from './helpers/cli.mjs'
import { cannot, loopDisk, memoryLimited, runNode, throttled } from './helpers/fault-rig.mjs'
import { KiB, MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
import { needs, programPath, unless } from './helpers/rig.mjs'
import { newDatabase } from './helpers/sqlite.mjs'

const NOBODY = 65534
const RECORDS = 2000
const program = programPath('faulting')
const source = fs.readFileSync(program, 'utf8')
const require = createRequire(import.meta.url)

/** A package whose folder .ci/run installs, or undefined: it is not there, or was compiled for another version of Node. */
function installed(path, works = () => {}) {
  try {
    works(require(path))
    return path
  } catch {
    return undefined
  }
}
const peers = {
  peer: installed('../bench/peers/node_modules/@riaskov/mmap-io'),
  lmdb: installed('../bench/peers/node_modules/lmdb'),
  sqlite: installed('./peers/node_modules/libsql', Database => new Database(':memory:').close()),
}
const hasPeer = way => !(way in peers) || peers[way] !== undefined

const FILES = ['view', 'peer', 'addon', 'write', 'worker', 'readAhead', 'readSync', 'readFile']
let disk
let slow

async function makeFiles() {
  for (const [index, name] of FILES.entries()) seededFile(disk.mountPoint, 4 * MiB, index + 1, name)
  if (peers.lmdb) {
    const database = require(peers.lmdb).open({
      path: join(disk.mountPoint, 'lmdb'),
      encoding: 'binary',
      noSubdir: true,
    })
    await database.transaction(() => {
      for (let key = 0; key < RECORDS; key += 1) database.put(key, Buffer.alloc(3000, key))
    })
    await database.close()
  }
  if (peers.sqlite) {
    const database = await newDatabase()
    database.run('create table data(id integer primary key, value blob)')
    const insert = database.prepare('insert into data values (?, ?)')
    for (let key = 0; key < RECORDS; key += 1) insert.run([key, Buffer.alloc(3000, key)])
    insert.free()
    fs.writeFileSync(join(disk.mountPoint, 'sqlite'), database.export())
    database.close()
  }
  for (const name of fs.readdirSync(disk.mountPoint)) fs.chmodSync(join(disk.mountPoint, name), 0o755)
}

/** What is said of a program that does this, all of its files cold, and what it says itself. */
async function faultsOf({ through = [], ways, options = [], uid, env, memory = '-', json = true }) {
  disk.cool()
  const results = join(temporaryFolder(), 'results')
  fs.chmodSync(join(results, '..'), 0o777)
  const words = ['faults', ...(json ? ['--json'] : []), ...options, '--', ...through, process.execPath, program]
  const ended = await runNode(BIN, [...words, results, disk.mountPoint, memory, ...ways], { cgroups: [slow], uid, env })
  const own = JSON.parse(fs.readFileSync(results, 'utf8'))
  return { ...ended, own, report: json ? JSON.parse(ended.stdout || `"${ended.stderr}"`) : undefined }
}

test.before(async () => {
  if (cannot('loopDevices', 'throttling', 'memoryLimit')) return
  disk = loopDisk({ size: 64 * MiB, readAheadKiB: 128 })
  await makeFiles()
  slow = throttled({ device: disk.device, readBps: 4 * MiB })
})
test.after.always(() => {
  slow?.dispose()
  disk?.dispose()
})

const WAYS = ['view', 'peer', 'addon', 'lmdb', 'sqlite', 'write', 'worker', 'readAhead', 'readSync', 'readFile']
let traced

const onSlowDisk = needs('root', 'tracefs', 'bpftrace', 'loopDevices', 'throttling', 'memoryLimit')
const INSTALL = 'its package is not installed: npm ci --prefix bench/peers, npm ci --prefix __test__/peers'

/** The run that most tests look at. */
async function tracedRun(t) {
  const group = traced ? undefined : memoryLimited(1024 * MiB)
  if (group) t.teardown(group.dispose)
  const env = traced ? {} : { MAPPING_ADDON: mappingAddon('-fomit-frame-pointer', '-DWITHOUT_FRAME_POINTERS') }
  traced ??= faultsOf({ env, ways: WAYS.filter(hasPeer), memory: group.path })
  return traced
}

const lineOf = name => source.slice(0, source.indexOf(`function ${name}(`)).split('\n').length

for (const [way, label, before] of [
  ['view', 'our own view, after eviction'],
  ['peer', "an addon's mapping that JavaScript indexes"],
  ['addon', 'an addon without frame pointers', /^sum_pages \(mapper\.node of busy-mapper\)$/],
  ['lmdb', 'lmdb, which reads a cold database', /\(.*\.node of @lmdb\/.*\)$/],
  ['sqlite', 'SQLite with mmap_size', /\(index\.node of @libsql\/.*\)$/],
  ['write', 'a write(2) out of a cold view', /^write\(\)$/],
  ['readAhead', 'pages that are on their way, of which the kernel calls the faults minor'],
  ['worker', 'a worker that touches a view while the main thread idles'],
]) {
  const onTest = hasPeer(way) ? onSlowDisk : unless(INSTALL)
  onTest.serial(`${label}: each page fault, by the function and its line, the file and the thread`, async t => {
    const run = await tracedRun(t)
    const { own, report } = run
    const { function: name, major, late } = own[way]
    const said = `${name} __test__/programs/faulting.mjs:${lineOf(name)}`
    const inside = report.faults.filter(({ where }) => where.includes(said))
    t.is(inside.filter(fault => fault.major).length, major, JSON.stringify(report.places, null, 1))
    if (way === 'readAhead') t.true(inside.some(fault => !fault.major))
    else t.true(major > 5)
    for (const { where, memory, tid, pid, at, waited } of inside) {
      t.is(memory.kind, 'file')
      t.is(memory.path, join(disk.mountPoint, way))
      t.true(memory.offset >= 0 && memory.offset < fs.statSync(memory.path).size)
      t.is(report.threads.find(thread => thread.tid === tid).role, way === 'worker' ? 'worker' : 'main')
      t.is(tid === pid, way !== 'worker')
      t.true(at >= own[way].begun - 1 && at + waited / 1e6 <= own[way].begun + own[way].elapsed + 1)
      if (before) t.regex(where[0], before)
    }
    // A throttled disk and one stall, all of whose page faults count.
    const { begun, elapsed } = own[way]
    const stall = report.faults.filter(({ tid, at }) => tid === inside[0].tid && at >= begun && at < begun + elapsed)
    const waited = stall.reduce((sum, fault) => sum + fault.waited, 0) / 1e6
    t.true(Math.abs(waited - late) < 0.1 * late, `${waited} ms were reported, the loop was ${late} ms late`)
  })
}

const during = ({ begun, elapsed }, { faults }) =>
  faults.filter(({ at, memory }) => at >= begun && at < begun + elapsed && memory.kind !== 'code')

onSlowDisk.serial('reads are no page faults: waits of readFileSync and of the pool are not reported', async t => {
  const run = await tracedRun(t)
  const { own, report } = run
  t.true(own.readSync.late > 300, 'the loop stood still all the same')
  t.deepEqual(during(own.readSync, report), [])
  t.deepEqual(during(own.readFile, report), [])
})

onSlowDisk.serial(
  'sums, places and histograms hold the same faults; the histogram of a thread has all of its waits',
  async t => {
    const run = await tracedRun(t)
    const { report, code } = run
    const sum = (items, of) => items.reduce((total, item) => total + of(item), 0)
    t.is(report.lost, 0)
    t.is(report.method, 'traced')
    t.true(report.named)
    t.true(report.found)
    t.is(code, 1)
    t.is(
      sum(report.places, ({ faults }) => faults),
      report.faults.length,
    )
    for (const { tid, faults, major, waited } of report.threads) {
      const own = report.faults.filter(fault => fault.tid === tid)
      t.is(own.length, faults)
      t.is(own.filter(fault => fault.major).length, major)
      t.is(
        sum(own, fault => fault.waited),
        waited.total,
      )
      t.is(
        sum(waited.histogram, ({ count }) => count),
        faults,
      )
      t.is(Math.max(0, ...own.map(fault => fault.waited)), waited.longest)
    }
    const loops = report.threads.filter(({ role }) => ['main', 'worker'].includes(role))
    t.is(
      report.waited,
      sum(loops, ({ waited }) => waited.total),
    )
    const main = loops.find(({ role }) => role === 'main')
    t.regex(main.name, /^main thread of node \d+$/)
    t.deepEqual(
      fs.readdirSync('/tmp').filter(name => name === `perf-${main.pid}.map`),
      [],
      'nothing is left behind',
    )
  },
)

onSlowDisk.serial('a program that waits in no page fault: no false alarm; --trace and --threshold', async t => {
  const options = ['--threshold', '100']
  const idle = await faultsOf({ ways: ['idle', 'readFile', 'readSync'], options, json: false })
  t.is(idle.code, 0, idle.stdout)
  t.regex(idle.stdout, /The longest wait took .*; the threshold is 100 ms\.$/m)
  // A process that the command starts is traced as well.
  const through = ['sh', '-c', '"$@"; exit', 'sh']
  const file = join(temporaryFolder(t), 'trace.json')
  const late = await faultsOf({ through, ways: ['write'], options: ['--threshold', '5', '--trace', file], json: false })
  t.is(late.code, 1)
  t.regex(late.stdout, /^The JavaScript thread waited for .* in \d+ page faults \(of .*\)\.$/m)
  t.regex(late.stdout, /^faults +waited +longest {2}where$/m)
  t.regex(late.stdout, /^ +\d+ +.* {2}write\(\) ← writeView __test__\/programs\/faulting\.mjs:\d+/m)
  t.regex(late.stdout, /^ +write, \d+ places from \d/m)
  t.regex(late.stdout, /^Try: await file\.view/m)
  t.deepEqual(
    late.stdout.split('\n').filter(line => line.length > 80),
    [],
  )
  const { traceEvents } = JSON.parse(fs.readFileSync(file, 'utf8'))
  const waits = traceEvents.filter(({ ph, name }) => ph === 'X' && name.includes('writeView'))
  t.true(waits.length >= late.own.write.major)
  t.true(waits.every(({ ts, dur, pid, tid }) => ts > 0 && dur > 0 && pid === tid))
})

// Swap affects the whole machine, so the test enables it only on request.
const noSwap = process.env.FAULTLESS_TEST_SWAP === '1' ? undefined : 'it gives the machine swap: FAULTLESS_TEST_SWAP=1'
unless(noSwap).serial('memory that was swapped out is reported as anonymous', async t => {
  const swap = join(temporaryFolder(t), 'swap')
  fs.writeFileSync(swap, Buffer.alloc(256 * MiB), { mode: 0o600 })
  execFileSync('mkswap', [swap])
  execFileSync('swapon', [swap])
  t.teardown(() => execFileSync('swapoff', [swap]))
  const group = memoryLimited(96 * MiB)
  t.teardown(group.dispose)
  const { own, report } = await faultsOf({ ways: ['swap'], memory: group.path })
  const inside = report.faults.filter(({ where }) => where.some(name => name.startsWith('touchSwapped ')))
  t.is(inside.filter(({ major }) => major).length, own.swap.major)
  t.true(own.swap.major > 100)
  t.deepEqual([...new Set(inside.map(({ memory }) => memory.kind))], ['anonymous'])
})

needs('root', 'tracefs', 'bpftrace', 'loopDevices', 'throttling', 'memoryLimit', 'anotherUser').serial(
  '--pid: a process without function names is followed, with advice to get them; --all reports quick page faults',
  async t => {
    disk.cool()
    const script = `
    import { setTimeout as delay } from 'node:timers/promises'
    import { MappedFile } from 'faultless'
    import { unpopulatedWindow } from '#binding'
    const file = await MappedFile.open(${JSON.stringify(join(disk.mountPoint, 'write'))})
    const cold = new Uint8Array(unpopulatedWindow(Buffer.from(file.path)))
    console.log('ready')
    for (let at = 0; ; at += ${128 * KiB}) {
      cold[at % file.byteLength]
      const fresh = Buffer.allocUnsafeSlow(${40 * MiB})
      for (let page = 0; page < fresh.length; page += ${MiB}) fresh[page] = 1
      await delay(20)
    }`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const gone = once(child, 'exit')
    t.teardown(() => child.kill('SIGKILL') && gone)
    await once(child.stdout, 'data')
    const words = ['faults', '--pid', String(child.pid), '--seconds', '1', '--all']
    const { stdout, stderr } = await faultless([...words, '--json'])
    const { threads, quick, named } = JSON.parse(stdout || `"${stderr}"`)
    const main = threads.find(({ tid }) => tid === child.pid)
    t.is(main.role, 'main')
    t.true(main.quick > 0 && main.quickCost > 0)
    const ofMain = quick.filter(({ tid }) => tid === child.pid)
    t.is(
      ofMain.reduce((sum, { count }) => sum + count, 0),
      main.quick,
    )
    t.false(named)
    const text = await faultless(words)
    t.regex(
      text.stdout,
      /^Functions of JavaScript have no names here: start the program with\nNODE_OPTIONS='--perf-basic-prof/m,
    )
    t.regex(text.stdout, /^Page faults that did not wait:$/m)
    // For another user, the kernel's counts are reported.
    const other = await faultlessAs(NOBODY, ...words.slice(0, -1), '--json')
    const seen = JSON.parse(other.stdout || `"${other.stderr}"`).threads.find(({ tid }) => tid === child.pid)
    t.is(seen.role, 'main')
    t.true(seen.quick > 0)
  },
)

needs('anotherUser', 'loopDevices', 'throttling', 'memoryLimit').serial(
  'without root, threads are sampled: counts are exact, functions are known, and the warning says what is missing',
  async t => {
    const { code, report, own, stderr } = await faultsOf({ ways: ['write', 'worker', 'readSync'], uid: NOBODY })
    t.is(code, 1)
    t.regex(
      stderr,
      /^faultless: page faults cannot be traced here: .*run the command as root\. Threads are sampled .*: files are unknown/,
    )
    t.is(report.method, 'sampled')
    for (const way of ['write', 'worker']) {
      const { function: name, major, late } = own[way]
      const label = new RegExp(`^${name} .*faulting\\.mjs:${lineOf(name)}$`)
      const places = report.places.filter(({ where }) => where.some(caller => label.test(caller)))
      t.true(places.length > 0, `${label}: ${JSON.stringify(report.places)}`)
      const waited = places.reduce((sum, place) => sum + place.waited, 0) / 1e6
      t.true(waited > late / 2 && waited < late * 1.5, `about ${waited} ms were reported, the loop was ${late} ms late`)
      const thread = report.threads.find(({ tid }) => tid === places[0].tid)
      t.is(thread.role, way === 'worker' ? 'worker' : 'main')
      t.true(thread.major >= major)
    }
    t.deepEqual(during(own.readSync, report), [], 'reads wait as well, and are no page faults')
  },
)

test('callers are functions of the user, and of a package only the function that the user called', t => {
  const script = (name, path, line) => ({ name, script: { path, line, column: 1 } })
  const ours = fileURLToPath(new URL('../dist/lib/mapped-file.js', import.meta.url))
  const stack = [
    { name: '__memmove_avx', object: '/usr/lib/libc.so.6' },
    { name: 'mdb_get<int>(char*)', object: '/app/node_modules/@lmdb/linux/lmdb.node' },
    { name: 'v8::Call', object: '/usr/bin/node' },
    { name: 'CEntry', builtin: true },
    script('inner', '/app/node_modules/lmdb/read.js', 7),
    script('getBinary', '/app/node_modules/lmdb/index.js', 12),
    script('emit', 'node:events', 500),
    script('read', ours, 40),
    script('handle', '/elsewhere/app.js', 3),
    script('top level', '/elsewhere/app.js', 1),
  ]
  const known = { program: 'node', runsJavaScript: true, named: true }
  t.deepEqual(callersOf(stack), ['mdb_get (lmdb.node of @lmdb/linux)', 'getBinary lmdb/index.js:12', 'handle app.js:3'])
  t.deepEqual(callersOf(stack.slice(-1)), ['top level app.js:1'])
  t.deepEqual(callersOf([stack[6], stack[7]]), [])
  t.is(otherwise([stack[7]], known), 'faultless: read')
  t.is(otherwise([stack[6], { name: 'uv_run', object: '/usr/bin/node' }], known), 'node: emit node:events:500')
  t.is(otherwise([stack[2]], known), 'node: starting')
  t.is(otherwise([{ name: '0x7f0011' }, stack[2]], { ...known, named: false }), 'JavaScript without names')
})

for (const [what, words, message] of [
  ['neither a process nor a command', ['faults'], /either --pid N or -- COMMAND/],
  [
    'a threshold that is none',
    ['faults', '--threshold', 'x', '--', 'ls'],
    /--threshold must be a whole number above 0, not 'x'/,
  ],
]) {
  test(`faults: ${what}: bad usage`, async t => {
    const { code, stdout, stderr } = await faultless(words)
    t.deepEqual([code, stdout], [2, ''])
    t.regex(stderr, message)
  })
}

needs('anotherUser')('faults --all where nothing can be traced: exit code 3 and a cure', async t => {
  const { code, stderr } = await faultlessAs(NOBODY, 'faults', '--all', '--', 'ls')
  t.is(code, 3)
  t.regex(stderr, /^faultless: --all .*cannot be traced here: .*run the command as root\n$/)
})

test('faults: reports how the command ends', async t => {
  const { code, stdout } = await faultless(['faults', '--', 'sh', '-c', 'echo hello; exit 3'])
  t.is(code, 1)
  t.regex(stdout, /^hello\nThe command ended with exit code 3\.\n\nNo JavaScript thread waited in a page fault/)
})
