// A view that has lost bytes, because its file was truncated while it was used: the handle says so, and a warning.
//
// Seen to fail: without the number that the SIGBUS handler increments, no call noticed the loss; without the list of
// damaged mappings, each call reported it again.

import fs from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { capabilities, MappedFile } from 'faultless'
import { MiB, PAGE, seededBytes, seededFile, temporaryFolder } from './helpers/files.mjs'
import { unless } from './helpers/rig.mjs'

const CODE = 'FAULTLESS_VIEWS_LOST'
const { guard, sharedViews } = capabilities()
const guarded = unless(guard ? undefined : 'there is no guard here')
const bytes = seededBytes(MiB)

const all = []
// Without the listener of Node, which prints each one.
process.removeAllListeners('warning')
process.on('warning', warning => warning.code === CODE && all.push(warning))

/** The warnings about one file, so far. */
const warningsOf = path => all.filter(({ message }) => message.includes(`'${path}'`))

async function opened(t, options) {
  const path = seededFile(temporaryFolder(t), MiB)
  const file = await MappedFile.open(path, options)
  t.teardown(() => file.close())
  return { path, file, warnings: () => warningsOf(path) }
}

/** Truncates the file, has a view touched, and writes the same bytes again in place. */
function loseAndRestore(path, touch) {
  fs.truncateSync(path)
  touch()
  fs.writeFileSync(path, bytes)
}

for (const options of ['r', 'r+', ...(sharedViews ? [{ shared: true }] : [])]) {
  guarded(`the next call reports the loss, and new views are right: ${JSON.stringify(options)}`, async t => {
    const { path, file, warnings } = await opened(t, options)
    const view = await file.view()
    t.false(file.viewsLost)
    loseAndRestore(path, () => t.is(view[MiB - 1], 0))
    t.true(bytes.equals(await file.read()))
    await turn()
    t.is(warnings().length, 1)
    t.regex(warnings()[0].detail, /docs\/safety\.md#views-that-have-lost-bytes$/)
    t.true(file.viewsLost)
    t.is(view[MiB - 1], 0, 'zeros are permanent')

    t.is(await file.refresh(), MiB)
    t.false(file.viewsLost)
    t.true(bytes.equals(await file.view()))
    t.is(view[MiB - 1], 0)
    // The old view stays lost, and is reported once.
    t.is(view[MiB - 2], 0)
    await file.read(0, 10)
    await turn()
    t.false(file.viewsLost)
    t.is(warnings().length, 1)

    const again = await file.view(0, PAGE)
    loseAndRestore(path, () => t.is(again[0], 0))
    t.true(file.viewsLost, 'a second loss is noticed, without a second warning')
    await turn()
    t.is(warnings().length, 1)
  })
}

for (const [name, call] of [
  ['view', file => file.view(0, 10)],
  ['tryRead', file => file.tryRead(0, 10)],
  ['tryView', file => file.tryView(0, 10)],
  ['readInto', file => file.readInto(Buffer.alloc(10))],
  ['readMany', file => file.readMany([{ offset: 0, length: 10 }])],
  ['byteLength', file => file.byteLength],
  ['stat', file => file.stat()],
  ['refresh', file => file.refresh()],
  ['chunks', file => file.chunks().next()],
  ['createReadStream', file => file.createReadStream({ end: 10 }).toArray()],
  ['close', file => file.close()],
]) {
  guarded(`${name} emits the warning`, async t => {
    const { path, file, warnings } = await opened(t)
    const view = await file.view()
    loseAndRestore(path, () => t.is(view[5], 0))
    await call(file)
    await turn()
    t.is(warnings().length, 1)
  })
}

guarded('views of other handles and other files have lost nothing', async t => {
  const { path, file, warnings } = await opened(t)
  const other = await opened(t)
  const untouched = await MappedFile.open(path)
  t.teardown(() => untouched.close())
  const [view, kept] = await Promise.all([file.view(), untouched.view()])
  loseAndRestore(path, () => t.is(view[5], 0))
  t.false(untouched.viewsLost)
  t.true(bytes.equals(kept), 'its pages come from the file again')
  t.false(other.file.viewsLost)
  t.true(file.viewsLost)
  await turn()
  t.is(warnings().length, 1)
  t.is(other.warnings().length, 0)
})

test('a file that is truncated and restored untouched, evicted or unmapped, loses nothing', async t => {
  const { path, file, warnings } = await opened(t)
  const view = await file.view()
  loseAndRestore(path, () => {})
  t.true(bytes.equals(view))
  await file.evict()
  t.true(bytes.equals(view))
  t.false(file.viewsLost)
  await file.close({ unmap: true })
  await turn()
  t.is(warnings().length, 0)
})

unless(sharedViews ? undefined : 'this Node has no shared views')(
  'the handle reports what another thread has touched',
  async t => {
    const { path, file, warnings } = await opened(t, { shared: true })
    const view = await file.view()
    const worker = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads')
       parentPort.on('message', at => parentPort.postMessage(workerData[at]))`,
      { eval: true, workerData: view },
    )
    t.teardown(() => worker.terminate())
    fs.truncateSync(path)
    const answer = new Promise(resolve => worker.once('message', resolve))
    worker.postMessage(5)
    t.is(await answer, 0)
    fs.writeFileSync(path, bytes)
    t.true(file.viewsLost)
    await turn()
    t.is(warnings().length, 1)
  },
)
