// The program `faultless`: its command line, its output, and its exit codes.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { largest } from '../dist/lib/cli/output.js'
import { BIN, faultless, faultlessAs, start } from './helpers/cli.mjs'
import { evict, residentPages } from './helpers/fault-rig.mjs'
import { MiB, PAGE, seededFile, sparseFile, TiB, temporaryFolder } from './helpers/files.mjs'
import { needs } from './helpers/rig.mjs'

const NOBODY = 65534
const COMMANDS = ['residency', 'warm', 'faults', 'locks', 'memory', 'doctor', 'prove']
const ON_FILES = ['residency', 'warm']

test('--version says the version of the package', async t => {
  const { version } = JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  t.deepEqual(await faultless(['--version']), { code: 0, signal: null, stdout: `${version}\n`, stderr: '' })
  t.deepEqual(JSON.parse((await faultless(['--version', '--json'])).stdout), { version })
})

test('--help names each command, and that of a command its options and exit codes, within 80 columns', async t => {
  const overview = await faultless(['--help'])
  t.is(overview.code, 0)
  const pages = await Promise.all(COMMANDS.map(name => faultless([name, '--help'])))
  for (const [index, name] of COMMANDS.entries()) {
    t.regex(overview.stdout, new RegExp(`^ {2}${name} `, 'm'))
    const { code, stdout, stderr } = pages[index]
    t.is(code, 0)
    t.is(stderr, '')
    t.true(stdout.startsWith(`Usage: faultless ${name}`))
    t.regex(stdout, /--json/)
    t.regex(stdout, /Exit codes:\n {2}0 /)
    t.deepEqual(await faultless(['help', name]), pages[index])
  }
  const lines = [overview, ...pages].flatMap(({ stdout }) => stdout.split('\n'))
  t.deepEqual(
    lines.filter(line => line.length > 80),
    [],
  )
})

for (const [what, words, message] of [
  ['an unknown command', ['resident'], /^faultless: unknown command 'resident'; the commands are .*residency/],
  ['what every object has', ['constructor'], /^faultless: unknown command 'constructor'/],
  ['an unknown option', ['warm', '--fast', 'x'], /^faultless: Unknown option '--fast'; see faultless warm --help\n$/],
  ['no file', ['residency'], /^faultless: no FILE is given; see faultless residency --help\n$/],
  ['an option without its value', ['warm', 'x', '--offset'], /^faultless: .*--offset.*; see faultless warm --help\n$/],
  ['a size that is none', ['warm', 'x', '--offset', 'far'], /^faultless: --offset must be .*'far'; see/],
  ['half a byte', ['warm', 'x', '--length', '0.5'], /^faultless: --length must be .*'0.5'; see/],
  ['a length of zero', ['warm', 'x', '--length', '0'], /^faultless: --length 0 /],
]) {
  test(`${what} is bad usage: exit code 2 and one line`, async t => {
    const { code, stdout, stderr } = await faultless(words)
    t.is(code, 2)
    t.is(stdout, '')
    t.regex(stderr, message)
    t.is(stderr.split('\n').length, 2)
  })
}

test('without a command the commands are shown, as bad usage', async t => {
  const { code, stdout } = await faultless([])
  t.is(code, 2)
  t.regex(stdout, /^Usage: faultless COMMAND/)
})

needs('eviction', 'residentPages')('residency shows how much is in the page cache, and where', async t => {
  const path = seededFile(temporaryFolder(t), 72 * PAGE)
  const all = await faultless(['residency', path])
  t.is(all.stdout, `${path}: 288 KiB of 288 KiB in memory, 100 %\n  ${'█'.repeat(72)}\n`)
  t.is(all.code, 0)

  evict(path)
  const none = await faultless(['residency', path])
  t.is(none.stdout, `${path}: 0 B of 288 KiB in memory, 0 %\n  ${'·'.repeat(72)}\n`)
  t.is(none.code, 0)
  t.is(residentPages(path), 0, 'looking reads nothing')

  t.is((await faultless(['warm', path, '--offset', '40K', '--length', '20K'])).code, 0)
  const resident = residentPages(path)
  const { files, total } = JSON.parse((await faultless(['residency', path, '--json'])).stdout)
  t.like(files[0], { path, size: 72 * PAGE, pageSize: PAGE, pages: 72, resident })
  t.deepEqual(total, { files: 1, size: 72 * PAGE, pages: 72, resident })
  t.deepEqual(files[0].buckets[10], { offset: 10 * PAGE, length: PAGE, pages: 1, resident: 1 })
  t.is(
    files[0].buckets.reduce((sum, bucket) => sum + bucket.resident, 0),
    resident,
  )
})

test('residency of many files ends with their sum; a folder stands for the files below it', async t => {
  const folder = temporaryFolder(t)
  fs.mkdirSync(join(folder, 'below', 'deeper'), { recursive: true })
  const b = seededFile(join(folder, 'below', 'deeper'), 3 * PAGE, 1, 'b')
  const a = seededFile(join(folder, 'below'), 10, 2, 'a')
  fs.symlinkSync('a', join(folder, 'below', 'link'))
  const empty = seededFile(folder, 0, 3, 'empty')
  const { code, stdout } = await faultless(['residency', join(folder, 'below'), empty])
  t.is(code, 0)
  t.deepEqual(stdout.split('\n'), [
    `${a}: 10 B of 10 B in memory, 100 %`,
    '  █',
    `${b}: 12 KiB of 12 KiB in memory, 100 %`,
    '  ███',
    `${empty}: empty`,
    '3 files: 12 KiB of 12 KiB in memory, 100 %',
    '',
  ])
})

test('residency of a sparse terabyte', async t => {
  const path = sparseFile(temporaryFolder(t), TiB, [[TiB / 2, 'x']])
  const { code, stdout } = await faultless(['residency', path, '--json'])
  t.is(code, 0)
  const [{ pages, buckets, resident }] = JSON.parse(stdout).files
  t.is(pages, TiB / PAGE)
  t.is(resident, 1)
  t.deepEqual(
    buckets
      .filter(bucket => bucket.resident > 0)
      .map(({ offset, length }) => offset <= TiB / 2 && TiB / 2 < offset + length),
    [true],
  )
})

needs('anotherUser')('residency is unknown to a user who neither owns nor may write the file', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  const text = await faultlessAs(NOBODY, 'residency', path)
  t.is(text.code, 1)
  t.is(text.stdout, `${path}: 1 MiB, unknown: run this as its owner, or as root\n`)
  const { files, total } = JSON.parse((await faultlessAs(NOBODY, 'residency', path, '--json')).stdout)
  t.is(files[0].resident, null)
  t.is(total.resident, null)
  const warmed = JSON.parse((await faultlessAs(NOBODY, 'warm', path, '--json')).stdout)
  t.like(warmed.files[0], { done: MiB, before: null, after: null })
})

for (const command of ON_FILES) {
  test(`${command}: a file that cannot be opened is named, the others are not held up`, async t => {
    const folder = temporaryFolder(t)
    const there = seededFile(folder, PAGE)
    const missing = join(folder, 'missing')
    const words = [command, missing, '/dev/null', there]
    const text = await faultless(words)
    t.is(text.code, 1)
    t.regex(text.stderr, new RegExp(`^faultless: ENOENT.*'${missing}'\nfaultless: '/dev/null' is a device.*\n$`))
    t.true(text.stdout.startsWith(`${there}: 4 KiB `))
    const json = await faultless([...words, '--json'])
    t.is(json.code, 1)
    t.deepEqual(
      JSON.parse(json.stdout).files.map(({ path, error }) => [path, error?.code]),
      [
        [missing, 'ENOENT'],
        ['/dev/null', 'ERR_NOT_A_FILE'],
        [there, undefined],
      ],
    )
  })
}

needs('anotherUser')('a folder that may not be read is a failure, not an empty one', async t => {
  const folder = temporaryFolder(t)
  const closed = join(folder, 'closed')
  fs.mkdirSync(closed, { mode: 0o700 })
  const { code, stderr } = await faultlessAs(NOBODY, 'residency', folder)
  t.is(code, 1)
  t.regex(stderr, /^faultless: EACCES.*closed'\n$/)
})

needs('eviction', 'residentPages')('warm brings a range into memory, and reports the share that was there', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  evict(path)
  const { code, stdout } = await faultless(['warm', path, '--offset', '512K', '--length', '1MiB', '--json'])
  t.is(code, 0)
  const { command, interrupted, files } = JSON.parse(stdout)
  t.deepEqual([command, interrupted], ['warm', false])
  t.like(files[0], { path, offset: MiB / 2, length: MiB / 2, done: MiB / 2, before: 0, after: MiB / 2 })
  t.true(files[0].bytesPerSecond > 0)
  // Other tests empty the page cache of the machine, so this one tries a few times.
  const warmedTwice = async () => {
    t.is((await faultless(['warm', path])).code, 0)
    const resident = residentPages(path)
    return [resident, (await faultless(['warm', path])).stdout]
  }
  let [resident, said] = await warmedTwice()
  for (let tries = 1; tries < 5 && !said.includes('100 %'); tries += 1) [resident, said] = await warmedTwice()
  t.is(resident, MiB / PAGE)
  t.regex(said, /: 1 MiB in .*\/s, 100 % was in memory before\n$/)
  t.regex((await faultless(['warm', path, '--offset', '1G'])).stdout, /: nothing to warm\n$/)
})

test('warm warns of a file that does not fit into free memory, and Ctrl-C stops it at the next chunk', async t => {
  const path = sparseFile(temporaryFolder(t), TiB)
  const { child, ended } = start(['warm', path, '--json'])
  child.stderr.once('data', () => child.kill('SIGINT'))
  const { code, signal, stdout, stderr } = await ended
  t.deepEqual([code, signal], [130, null])
  t.regex(stderr, /^faultless: .*1 TiB do not fit into the .* of free memory: .*--offset and --length warm a part\n$/)
  const { interrupted, files } = JSON.parse(stdout)
  t.true(interrupted)
  t.true(files[0].done < TiB)
  t.true(files[0].done % (16 * MiB) === 0)
})

/** What the doctor has looked at, after its count and its exit code were held against it. */
async function doctor(t, words, options) {
  const { code, stdout } = await faultless(['doctor', '--json', ...words], options)
  const { problems, checks } = JSON.parse(stdout)
  t.is(problems, checks.filter(({ status }) => status === 'problem').length)
  t.is(code, problems > 0 ? 1 : 0)
  return checks
}

test('doctor looks at the machine and at files; its exit code says whether there is a problem', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  const checks = await doctor(t, [path])
  for (const name of ['kernel', 'node', 'libuv pool', 'populate', 'page table', 'guard', 'malloc', 'memory', path]) {
    t.truthy(checks.find(check => check.name === name)?.found, name)
  }
  const text = await faultless(['doctor', path])
  t.is(text.stdout.match(/^problem /gm)?.length ?? 0, checks.filter(({ status }) => status === 'problem').length)
  t.regex(text.stdout, /\n\n(No problems|1 problem|\d+ problems)\.\n$/)
})

for (const [what, env, name, advice] of [
  ['a pool of one thread', { UV_THREADPOOL_SIZE: '1' }, 'libuv pool', /UV_THREADPOOL_SIZE=4/],
  ['no guard', { FAULTLESS_SIGBUS: 'off' }, 'guard', /FAULTLESS_SIGBUS/],
  ['populating by touch', { FAULTLESS_POPULATE: 'touch' }, 'populate', /FAULTLESS_POPULATE/],
  ['a low threshold', { MALLOC_MMAP_THRESHOLD_: '4096' }, 'malloc', /of 4 KiB or more/],
  ['a low tunable', { GLIBC_TUNABLES: 'glibc.malloc.mmap_threshold=8192' }, 'malloc', /of 8 KiB or more/],
]) {
  test(`doctor: ${what} is a problem, and it says what to do`, async t => {
    const checks = await doctor(t, [], { env })
    const check = checks.find(check => check.name === name)
    t.is(check.status, 'problem')
    t.regex(check.advice, advice)
  })
}

test('doctor: a file that is not there is a problem, and one larger than memory a note', async t => {
  const folder = temporaryFolder(t)
  const large = sparseFile(folder, TiB)
  const checks = await doctor(t, [join(folder, 'missing'), large])
  t.like(
    checks.find(({ name }) => name.endsWith('missing')),
    { status: 'problem', found: `ENOENT: no such file or directory, open '${join(folder, 'missing')}'` },
  )
  t.true(checks.some(({ name, status, found }) => name === large && status === 'note' && /larger than/.test(found)))
})

needs('anotherUser')('doctor: it is a note that a user cannot see which pages are in the page cache', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  const { checks } = JSON.parse((await faultlessAs(NOBODY, 'doctor', path, '--json')).stdout)
  t.true(checks.some(({ name, status, found }) => name === path && status === 'note' && /cannot see/.test(found)))
})

test('a closed pipe ends the program without an error', t => {
  const folder = temporaryFolder(t)
  const paths = Array.from({ length: 200 }, (_, seed) => seededFile(folder, PAGE, seed % 256, `file-${seed}`))
  const script = 'set -o pipefail; "$@" | head -n 1'
  const words = [process.execPath, BIN, 'residency', ...paths, ...paths]
  const printed = execFileSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8', stdio: 'pipe' })
  t.is(printed, `${paths[0]}: 4 KiB of 4 KiB in memory, 100 %\n`)
})

test('importing the package loads nothing of the program', t => {
  const folder = temporaryFolder(t)
  // The coverage report lists every script that was loaded.
  execFileSync(process.execPath, ['--input-type=module', '--eval', "import 'faultless'"], {
    cwd: new URL('..', import.meta.url),
    env: { ...process.env, NODE_V8_COVERAGE: folder },
  })
  const [report] = fs.readdirSync(folder)
  const urls = JSON.parse(fs.readFileSync(join(folder, report), 'utf8')).result.map(({ url }) => url)
  t.true(urls.some(url => url.endsWith('/dist/lib/mapped-file.js')))
  t.deepEqual(
    urls.filter(url => url.includes('/dist/lib/cli/')),
    [],
  )
})

// Seen to fail: Math.max(...) with one number per file exceeded the stack.
test('the widths of tables and reports are found for any number of rows', t => {
  t.is(largest(Array.from({ length: 1_000_000 }, (_, index) => index % 1000)), 999)
  t.is(largest([]), Number.NEGATIVE_INFINITY)
})
