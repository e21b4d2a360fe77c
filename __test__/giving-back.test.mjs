// Memory that is released before garbage collection: evict(), and close() with unmap: true.

import fs from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import zlib from 'node:zlib'
import test from 'ava'
import { capabilities, MappedFile } from 'faultless'
import { KiB, MiB, PAGE, seededBytes, seededFile, temporaryFolder } from './helpers/files.mjs'
import { descriptorsOf, mappingsOf, untilReleased } from './helpers/process.mjs'
import { needs, program, unless } from './helpers/rig.mjs'

const { mapping, residencyByPageTable, sharedViews } = capabilities()
const mapped = unless(mapping && residencyByPageTable ? undefined : 'nothing is mapped here')
const shared = unless(sharedViews ? undefined : 'this Node has no SharedArrayBuffers over external memory')

/** Bytes of a file that are in this process's page table, all mappings together. */
function residentOf(path) {
  const parts = fs.readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  const rss = part => Number(/^Rss:\s+(\d+) kB/m.exec(part)[1]) * KiB
  return parts.filter(part => part.split('\n')[0].endsWith(` ${path}`)).reduce((sum, part) => sum + rss(part), 0)
}

// Multiples of 2 MiB: where the kernel maps the file by huge pages, evicting a part of one unmaps all of it.
mapped('evict() removes the pages of views and reads from this process; both still show the file', async t => {
  const path = seededFile(temporaryFolder(t), 8 * MiB)
  const file = await MappedFile.open(path)
  const view = await file.view()
  await file.prefault()
  t.true(residentOf(path) >= 16 * MiB)
  await file.evict(2 * MiB, 4 * MiB)
  t.is(residentOf(path), 8 * MiB)
  await file.evict()
  t.is(residentOf(path), 0)
  t.is((await file.residency()).mapped, 0)
  t.true(view.equals(seededBytes(8 * MiB)))
  t.true((await file.read()).equals(seededBytes(8 * MiB)))
  await file.close()
})

mapped('evict() leaves the parts of pages that are not in the range', async t => {
  const path = seededFile(temporaryFolder(t), 3 * PAGE + 10)
  const file = await MappedFile.open(path)
  await file.view()
  await file.evict(1, 2 * PAGE - 2)
  t.is(residentOf(path), 4 * PAGE)
  await file.evict(1, 2 * PAGE - 1)
  t.is(residentOf(path), 3 * PAGE)
  await file.evict(3 * PAGE, 5)
  t.is(residentOf(path), 3 * PAGE)
  await file.evict(3 * PAGE)
  t.is(residentOf(path), 2 * PAGE)
  await file.evict(100 * MiB)
  t.is(residentOf(path), 2 * PAGE)
  await file.close()
})

for (const populate of ['', 'touch']) {
  mapped(`evict() loses no store, in neither mode${populate && ', nor on older kernels'}`, async t => {
    const folder = temporaryFolder(t)
    const paths = ['kept', 'written'].map(name => seededFile(folder, MiB, 1, name))
    const env = { ...process.env, FAULTLESS_POPULATE: populate }
    t.deepEqual(await program(t, 'evict-stores', paths, { env }), { kept: 'kept', written: 'written', others: true })
    t.is(fs.readFileSync(paths[0]).compare(seededBytes(MiB, 1)), 0)
    t.is(fs.readFileSync(paths[1]).toString('latin1', PAGE, PAGE + 7), 'written')
  })
}

needs('dropCaches')('evict() removes pages that no other process maps from the page cache', async t => {
  const path = seededFile(temporaryFolder(t), 4 * MiB)
  const fd = fs.openSync(path, 'r+')
  fs.fsyncSync(fd)
  fs.closeSync(fd)
  const file = await MappedFile.open(path)
  const view = await file.view()
  await file.prefault()
  await file.evict()
  t.is((await file.residency()).resident, 0)
  t.is(file.tryRead(0, 10), undefined)
  t.is(view[0], seededBytes(4 * MiB)[0])
  await file.close()
})

mapped('evict() leaves locked pages where they are, and takes those beside them', async t => {
  const path = seededFile(temporaryFolder(t), 64 * PAGE)
  const file = await MappedFile.open(path)
  await file.prefault()
  await file.lock(10 * PAGE, PAGE)
  await file.evict()
  t.is((await file.residency(10 * PAGE, PAGE)).mapped, 1)
  t.is((await file.residency()).mapped, 1)
  await file.close()
})

test('evict() refuses the invalid arguments that other methods refuse', async t => {
  const file = await MappedFile.open(seededFile(temporaryFolder(t), PAGE))
  await t.throwsAsync(file.evict(-1), { code: 'ERR_OUT_OF_RANGE' })
  await t.throwsAsync(file.evict('0'), { code: 'ERR_INVALID_ARG_TYPE' })
  await file.close()
  await t.throwsAsync(file.evict(), { code: 'ERR_FILE_CLOSED' })
})

mapped(
  'close({ unmap: true }) lets go of the file although there are views, which read zeros from then on',
  async t => {
    const path = seededFile(temporaryFolder(t), 2 * MiB)
    const file = await MappedFile.open(path)
    const views = [await file.view(), await file.view(PAGE, 10)]
    for await (const chunk of file.chunks({ chunkSize: MiB })) views.push(chunk)
    await file.close({ unmap: true })
    t.is(descriptorsOf(path), 0)
    await untilReleased(path)
    for (const view of views) t.true(view.every(byte => byte === 0))
    views[0][5] = 7
    t.is(views[0][5], 7)
    t.true(fs.readFileSync(path).equals(seededBytes(2 * MiB)))
    await file.close({ unmap: true })
    await file.close()
  },
)

mapped('close({ unmap: true }) unmaps the views of every mapping of the handle', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  const file = await MappedFile.open(path)
  const before = await file.view()
  fs.appendFileSync(path, 'more')
  await file.refresh()
  const after = await file.view()
  t.is(after.length, MiB + 4)
  const other = await MappedFile.open(path)
  const theirs = await other.view()
  await file.close({ unmap: true })
  for (const view of [before, after]) t.true(view.every(byte => byte === 0))
  t.is(theirs.toString('latin1', MiB), 'more', 'other handles keep what is theirs')
  await other.close({ unmap: true })
  await untilReleased(path)
})

mapped("stores that were made in mode 'r+' are in the file, those that come later are nowhere", async t => {
  const path = join(temporaryFolder(t), 'file')
  fs.writeFileSync(path, Buffer.alloc(2 * PAGE))
  const file = await MappedFile.open(path, 'r+')
  const view = await file.view()
  view.write('before', PAGE)
  await file.close({ unmap: true })
  view.write('after', 0)
  t.is(fs.readFileSync(path).toString('latin1').replaceAll('\0', ''), 'before')
})

mapped('work on a view that is unmapped meanwhile ends with bytes of the file or zeros', async t => {
  const size = 32 * MiB
  const path = seededFile(temporaryFolder(t), size)
  for (let round = 0; round < 5; round += 1) {
    const file = await MappedFile.open(path)
    const view = await file.view()
    const packed = new Promise((resolve, reject) =>
      zlib.deflate(view, { level: 1 }, (error, bytes) => (error ? reject(error) : resolve(bytes))),
    )
    await file.close({ unmap: true })
    const bytes = zlib.inflateSync(await packed)
    const expected = fs.readFileSync(path)
    let at = 0
    while (at < size && bytes[at] === expected[at]) at += 1
    const rest = bytes.subarray(at)
    const isFileOrZero = rest.every((byte, index) => byte === 0 || byte === expected[at + index])
    t.true(isFileOrZero, `other bytes after ${at}`)
  }
})

shared('views that other threads have end, too', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  const file = await MappedFile.open(path, { shared: true })
  const source = `const { parentPort, workerData } = require('node:worker_threads')
    parentPort.on('message', () => parentPort.postMessage(workerData.every(byte => byte === 0)))`
  const worker = new Worker(source, { eval: true, workerData: await file.view() })
  const ask = () =>
    new Promise(resolve => {
      worker.once('message', resolve)
      worker.postMessage('')
    })
  t.false(await ask())
  await file.close({ unmap: true })
  t.true(await ask())
  t.deepEqual(mappingsOf(path), [])
  await worker.terminate()
})

test('close() refuses invalid options, and unmap: true after a close without it', async t => {
  const file = await MappedFile.open(seededFile(temporaryFolder(t), PAGE))
  await t.throwsAsync(file.close({ unmap: 1 }), { code: 'ERR_INVALID_ARG_TYPE' })
  t.false(file.closed)
  await file.close()
  await t.throwsAsync(file.close({ unmap: true }), { code: 'ERR_FILE_CLOSED' })
})

test('a file that is read, not mapped, is closed all the same', async t => {
  const file = await MappedFile.open('/proc/self/status')
  t.is(file.backend, 'read')
  const view = await file.view(0, 5)
  await file.evict()
  await file.close({ unmap: true })
  t.is(view.toString(), 'Name:', 'a copy')
})
