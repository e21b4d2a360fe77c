// Views whose ArrayBuffer is transferred: no other view is affected after the first time, and a warning is emitted.

import fs from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import test from 'ava'
import { MappedFile } from 'faultless'
import { MiB, PAGE, seededBytes, seededFile, temporaryFolder } from './helpers/files.mjs'
import { program, unless } from './helpers/rig.mjs'

const { repository } = JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const transfers = unless(
  'transfer' in ArrayBuffer.prototype ? undefined : 'this Node has no ArrayBuffer.prototype.transfer()',
)

const byteStreamOf = chunk =>
  new ReadableStream({
    type: 'bytes',
    start: controller => {
      controller.enqueue(chunk)
      controller.close()
    },
  })

test('chunks() arrive complete through a byte stream', async t => {
  const path = seededFile(temporaryFolder(t), 5 * MiB + 1)
  const file = await MappedFile.open(path)
  const chunks = file.chunks({ chunkSize: 64 * 1024 })
  const stream = new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      const { done, value } = await chunks.next()
      if (!done) return controller.enqueue(value)
      controller.close()
      controller.byobRequest?.respond(0)
    },
  })
  t.true(Buffer.from(await new Response(stream).arrayBuffer()).equals(fs.readFileSync(path)))
  await file.close()
})

/** Ways in which the ArrayBuffer of a view can be taken. */
const takes = {
  'enqueued in a byte stream': view => byteStreamOf(view),
  'read into by a byte stream': async view => {
    const reader = byteStreamOf(Uint8Array.of(1, 2, 3)).getReader({ mode: 'byob' })
    await reader.read(view)
  },
}
if ('transfer' in ArrayBuffer.prototype) takes['transferred by its buffer'] = view => view.buffer.transfer()

for (const [how, take] of Object.entries(takes)) {
  test(`after a view was ${how}, views that are made later lose nothing`, async t => {
    const expected = seededBytes(MiB)
    const file = await MappedFile.open(seededFile(temporaryFolder(t), MiB))
    await take(await file.view(0, 10))
    for (const kind of ['view', 'tryView']) {
      const first = await file[kind](PAGE, 100)
      const second = await file[kind](PAGE + 50, 100)
      // Bytes that are read into a view with flags 'r' appear in later views.
      t.true(first.subarray(3).equals(expected.subarray(PAGE + 3, PAGE + 100)))
      await take(first)
      t.is(first.length, 0, 'taken')
      t.true(second.equals(expected.subarray(PAGE + 50, PAGE + 150)), kind)
    }
    await file.close()
  })
}

test('the loss of views causes one warning, with a code and an address', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  const { warnings } = await program(t, 'detached-views', [path, 'again'])
  t.is(warnings.length, 1)
  const [{ name, code, message, detail }] = warnings
  t.deepEqual({ name, code }, { name: 'FaultlessWarning', code: 'FAULTLESS_VIEWS_DETACHED' })
  t.true(message.includes(path))
  t.regex(message, /slice\(\)/)
  const address = typeof repository === 'string' ? repository : repository?.url
  if (address) t.true(detail.startsWith(address.replace(/^git\+/, '').replace(/\.git$/, '')), detail)
  const [file, heading] = detail.slice(detail.indexOf('/docs/') + 1).split('#')
  const text = fs.readFileSync(new URL(`../${file}`, import.meta.url), 'utf8').toLowerCase()
  t.true(text.includes(`\n## ${heading.replaceAll('-', ' ')}\n`), detail)
})

test('the warning also comes at the end, and not without a loss', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  t.is((await program(t, 'detached-views', [path, 'close'])).warnings.length, 1)
  t.is((await program(t, 'detached-views', [path, 'nothing'])).warnings.length, 0)
})

transfers('a transferred view keeps its memory, also after the file was closed', async t => {
  const file = await MappedFile.open(seededFile(temporaryFolder(t), MiB))
  const taken = (await file.view(0, 10)).buffer.transfer()
  await file.close()
  await turn()
  t.true(Buffer.from(taken).equals(seededBytes(MiB)))
})
