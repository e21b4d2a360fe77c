// allocator: where large results are allocated, what stats() reports, and that all memory goes back to its allocator.

import test from 'ava'
import { allocator, capabilities, MappedFile, mmapRead } from 'faultless'
import { runNode } from './helpers/fault-rig.mjs'
import { bytesBySync, KiB, MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
import { collectGarbage } from './helpers/process.mjs'
import { program, programPath } from './helpers/rig.mjs'

const folder = temporaryFolder()
const file = seededFile(folder, 16 * MiB)
const short = seededFile(folder, 512 * KiB, 2)

/** In use in jemalloc. */
const held = () => allocator.stats('jemalloc').allocated

const whenOpen = async use => {
  const opened = await MappedFile.open(file)
  return use(opened).finally(() => opened.close())
}

const READS = {
  read: [() => whenOpen(opened => opened.read(MiB, 8 * MiB)), bytesBySync(file, MiB, 8 * MiB)],
  tryRead: [
    () => whenOpen(opened => opened.prefault().then(() => opened.tryRead(MiB, MiB))),
    bytesBySync(file, MiB, MiB),
  ],
  readMany: [
    () => whenOpen(async opened => (await opened.readMany([{ offset: 5, length: MiB }]))[0]),
    bytesBySync(file, 5, MiB),
  ],
  mmapRead: [() => mmapRead(file, MiB, 8 * MiB), bytesBySync(file, MiB, 8 * MiB)],
  'mmapRead of a whole file': [() => mmapRead(short), bytesBySync(short, 0, 512 * KiB)],
}

test.afterEach.always(() => allocator.use('glibc'))

test.serial('glibc is the default allocator', t => {
  t.is(allocator.current, 'glibc')
  t.true(capabilities().jemalloc)
  allocator.use('jemalloc')
  t.is(allocator.current, 'jemalloc')
  allocator.use('glibc')
  t.is(allocator.current, 'glibc')
})

for (const [way, [read, bytes]] of Object.entries(READS)) {
  test.serial(`the result of ${way} comes from the chosen allocator, and is freed there after a switch`, async t => {
    await collectGarbage()
    const before = held()
    t.true((await read()).equals(bytes))
    t.true(held() - before < 64 * KiB, 'glibc')

    allocator.use('jemalloc')
    let result = await read()
    allocator.use('glibc')
    t.true(result.equals(bytes))
    t.true(held() - before >= bytes.length, 'jemalloc')

    result = undefined
    for (let i = 0; i < 100 && held() - before > 64 * KiB; i += 1) await collectGarbage()
    t.true(held() - before <= 64 * KiB, `${held() - before} bytes are left`)
  })
}

test.serial('short results and results of slice() are memory of V8', async t => {
  allocator.use('jemalloc')
  const before = held()
  const some = await whenOpen(opened => Promise.all([opened.read(0, 255 * KiB), opened.slice(0, MiB)]))
  t.is(some.length, 2)
  t.true(held() - before < 64 * KiB)
})

test.serial('stats() reports the memory of each allocator, as far as it is known', t => {
  const { allocator: name, ...process } = allocator.stats()
  t.is(name, 'glibc')
  t.deepEqual(Object.keys(process).sort(), ['allocated', 'arenas', 'heaps', 'mapped', 'retained', 'top'])
  t.is(process.mapped, process.allocated + process.retained)
  t.true(process.allocated > 0 && process.arenas >= 1)
  t.true(process.top > 0 && process.top <= process.retained)
  t.true(process.heaps >= process.arenas - 1, 'each arena but the main one has a heap')

  allocator.use('jemalloc')
  const { allocator: current, ...ours } = allocator.stats()
  t.is(current, 'jemalloc')
  t.deepEqual(Object.keys(ours).sort(), ['allocated', 'mapped', 'resident', 'retained'])
  t.true(ours.allocated <= ours.mapped)
})

test.serial(
  'switching while results of both live, in workers that end or are terminated, mixes nothing up',
  async t => {
    const { wrong, during, after } = await program(t, 'allocators', [file])
    t.deepEqual(wrong, Array(5).fill(0))
    t.true(during > 3 * MiB, `${during} bytes were in jemalloc`)
    t.true(after <= MiB, `${after} bytes are left in jemalloc`)
  },
)

for (const [value, first, warning] of [
  ['jemalloc', 'jemalloc'],
  ['glibc', 'glibc'],
  ['', 'glibc'],
  ['mimalloc', 'glibc', /Warning: .*"FAULTLESS_ALLOCATOR" must be one of: 'glibc', 'jemalloc'\. Received .*'mimalloc'/],
]) {
  test.serial(`FAULTLESS_ALLOCATOR=${value} sets the allocator of the process once, not in each worker`, async t => {
    const env = { FAULTLESS_ALLOCATOR: value }
    const { code, stdout, stderr } = await runNode(programPath('allocator-of-environment'), [], { env })
    t.is(code, 0, stderr)
    t.deepEqual(stdout.trim().split('\n'), [first, 'glibc'])
    t.is((stderr.match(/FAULTLESS_ALLOCATOR\]/g) ?? []).length, warning ? 1 : 0, stderr)
    if (warning) t.regex(stderr, warning)
  })
}

for (const [bad, code] of [
  ['tcmalloc', 'ERR_INVALID_ARG_VALUE'],
  ['toString', 'ERR_INVALID_ARG_VALUE'],
  ['', 'ERR_INVALID_ARG_VALUE'],
  [undefined, 'ERR_INVALID_ARG_TYPE'],
  [7, 'ERR_INVALID_ARG_TYPE'],
]) {
  test.serial(`refuses ${String(bad)} as an allocator, and keeps the current one`, t => {
    t.throws(() => allocator.use(bad), { instanceOf: TypeError, code })
    if (bad !== undefined) t.throws(() => allocator.stats(bad), { instanceOf: TypeError, code })
    t.is(allocator.current, 'glibc')
  })
}
