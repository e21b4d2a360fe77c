// createReadStream: the behaviour that the tests of Node expect of fs.ReadStream, as far as it applies to an open file.
// Where possible, the same calls are made on fs.createReadStream.
//
// Seen to fail: if chunks are views, 'chunks are copies'.

import { once } from 'node:events'
import fs from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip, gunzipSync } from 'node:zlib'
import test from 'ava'
import { MappedFile } from 'faultless'
import { evict } from './helpers/fault-rig.mjs'
import { KiB, MiB, PAGE, sameBytes, seededBytes, seededFile, temporaryFolder } from './helpers/files.mjs'
import { untilReleased } from './helpers/process.mjs'
import { needs } from './helpers/rig.mjs'

const SIZE = 300 * KiB + 7
const bytes = seededBytes(SIZE)

async function opened(t, size = SIZE) {
  const path = seededFile(temporaryFolder(t), size)
  const file = await MappedFile.open(path)
  t.teardown(() => file.close())
  return { path, file }
}

async function collect(stream) {
  const chunks = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

test('all of the file, by data events: sizes, counters, order of events', async t => {
  const { path, file } = await opened(t)
  const said = {}
  for (const [name, create] of [
    ['ours', () => file.createReadStream()],
    ['theirs', () => fs.createReadStream(path)],
  ]) {
    const stream = create()
    t.true(stream.pending, name)
    t.is(stream.path, path)
    t.is(stream.bytesRead, 0)
    const events = []
    for (const event of ['open', 'ready', 'end', 'close']) stream.on(event, () => events.push(event))
    const chunks = []
    stream.on('data', chunk => chunks.push(chunk))
    stream.once('ready', () => t.false(stream.pending, name))
    await once(stream, 'close')
    t.true(bytes.equals(Buffer.concat(chunks)), name)
    said[name] = { events, lengths: chunks.map(chunk => chunk.length), bytesRead: stream.bytesRead }
  }
  t.deepEqual(said.ours, said.theirs)
  t.deepEqual(said.ours.events, ['open', 'ready', 'end', 'close'])
})

for (const options of [
  {},
  { start: 0, end: 0 },
  { start: 10, end: 20 },
  { end: 99 },
  { start: SIZE - 1 },
  { start: SIZE },
  { start: SIZE + 100 },
  { start: SIZE - 10, end: SIZE + 1000 },
  { start: 5, end: Number.POSITIVE_INFINITY },
  { start: PAGE - 1, end: PAGE, highWaterMark: 1 },
  { start: 77, end: 200 * KiB, highWaterMark: 1000 },
  { highWaterMark: MiB },
  { highWaterMark: SIZE },
]) {
  test(`the same chunks as fs.createReadStream for ${JSON.stringify(options)}`, async t => {
    const { path, file } = await opened(t)
    const [ours, theirs] = await Promise.all([
      collect(file.createReadStream(options)),
      collect(fs.createReadStream(path, options)),
    ])
    t.deepEqual(
      ours.map(chunk => chunk.length),
      theirs.map(chunk => chunk.length),
    )
    t.true(Buffer.concat(theirs).equals(Buffer.concat(ours)))
  })
}

test('an empty file is an empty stream', async t => {
  const { file } = await opened(t, 0)
  t.deepEqual(await collect(file.createReadStream()), [])
})

test('options that make no sense throw as they do in node:fs', async t => {
  const { path, file } = await opened(t)
  for (const options of [
    { start: -1 },
    { start: 1.5 },
    { start: Number.NaN },
    { start: '4' },
    { start: 2, end: 1 },
    { end: -1 },
    { end: '4' },
    { end: 1.5 },
    { highWaterMark: -1 },
    { highWaterMark: 'many' },
    { signal: 'signal' },
    { encoding: 'no-such-encoding' },
  ]) {
    const ours = t.throws(() => file.createReadStream(options), undefined, JSON.stringify(options))
    const theirs = t.throws(() => fs.createReadStream(path, options).on('error', () => {}))
    t.is(ours.code, theirs.code, JSON.stringify(options))
    t.is(ours.constructor.name, theirs.constructor.name, JSON.stringify(options))
  }
  t.deepEqual(await collect(file.createReadStream({ start: 3n, end: 5n })), [bytes.subarray(3, 6)])
})

// Seen to fail without the first read(0): a read before 'open' waits for ever, as with a stream of node:fs.
test('a high water mark of 0 keeps nothing ahead, and gives every byte', async t => {
  const { file } = await opened(t)
  sameBytes(t, Buffer.concat(await collect(file.createReadStream({ highWaterMark: 0 }))), bytes)
})

test('setEncoding and the encoding option give strings, also across chunks', async t => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'text')
  const text = 'grüß €'.repeat(1000)
  fs.writeFileSync(path, text)
  const file = await MappedFile.open(path)
  const stream = file.createReadStream({ highWaterMark: 3 })
  stream.setEncoding('utf8')
  t.is((await collect(stream)).join(''), text)
  t.is((await collect(file.createReadStream({ highWaterMark: 5, encoding: 'utf8' }))).join(''), text)
  await file.close()
})

test('paused, nothing more comes than the high water mark holds; resumed, all the rest', async t => {
  const { file } = await opened(t)
  const stream = file.createReadStream({ highWaterMark: 10 * KiB })
  const chunks = []
  stream.on('data', chunk => {
    chunks.push(chunk)
    if (chunks.length === 3) stream.pause()
  })
  while (chunks.length < 3) await once(stream, 'data')
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
  t.is(chunks.length, 3)
  t.true(stream.isPaused())
  t.true(stream.bytesRead <= 4 * 10 * KiB, `${stream.bytesRead} bytes`)
  stream.resume()
  await once(stream, 'end')
  t.true(bytes.equals(Buffer.concat(chunks)))
})

test('read(n) by hand gives exactly n bytes', async t => {
  const { file } = await opened(t)
  const stream = file.createReadStream({ highWaterMark: 1000 })
  await once(stream, 'readable')
  t.true(bytes.subarray(0, 10).equals(stream.read(10)))
  let next = stream.read(5000)
  while (next === null) {
    // Not on 'readable', which is emitted at once as long as there is data, before any result of the pool.
    await new Promise(setImmediate)
    next = stream.read(5000)
  }
  t.true(bytes.subarray(10, 5010).equals(next))
  stream.destroy()
})

test('a slow consumer holds the stream back', async t => {
  const { file } = await opened(t)
  const stream = file.createReadStream({ highWaterMark: 16 * KiB })
  let most = 0
  let taken = 0
  const slow = new Writable({
    highWaterMark: 1,
    write(chunk, _, callback) {
      taken += chunk.length
      most = Math.max(most, stream.bytesRead - taken)
      setImmediate(callback)
    },
  })
  await pipeline(stream, slow)
  t.is(taken, SIZE)
  t.true(most <= 3 * 16 * KiB, `${most} bytes ahead`)
})

test('pipeline, gzip, and a socket-like stream get every byte', async t => {
  const { file } = await opened(t)
  const zipped = []
  await pipeline(file.createReadStream(), createGzip(), async source => {
    for await (const chunk of source) zipped.push(chunk)
  })
  t.true(bytes.equals(gunzipSync(Buffer.concat(zipped))))
  const through = new PassThrough()
  file.createReadStream({ start: 100 }).pipe(through)
  t.true(bytes.subarray(100).equals(Buffer.concat(await collect(through))))
})

test('Readable.toWeb, and a web stream that is cancelled before its end', async t => {
  const { file } = await opened(t)
  const chunks = []
  for await (const chunk of Readable.toWeb(file.createReadStream())) chunks.push(chunk)
  t.true(bytes.equals(Buffer.concat(chunks)))
  const stream = file.createReadStream()
  const reader = Readable.toWeb(stream).getReader()
  await reader.read()
  await reader.cancel()
  t.true(stream.destroyed)
})

test('chunks are copies with memory of their own, which can be transferred', async t => {
  const { path, file } = await opened(t)
  const [first, second] = await collect(file.createReadStream({ end: 2 * 64 * KiB - 1 }))
  t.is(first.buffer.byteLength, first.length)
  const { port1 } = new MessageChannel()
  port1.postMessage(first, [first.buffer])
  port1.close()
  t.is(first.length, 0)
  second.fill(0)
  t.true(bytes.equals(fs.readFileSync(path)))
  t.true(bytes.equals(await file.read()))
})

test('many streams on one file at a time, and the file is usable afterwards', async t => {
  const { file } = await opened(t)
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, index) => collect(file.createReadStream({ start: index * 1000 }))),
  )
  for (const [index, chunks] of all.entries()) {
    t.true(bytes.subarray(index * 1000).equals(Buffer.concat(chunks)), `stream ${index}`)
  }
  t.false(file.closed)
  t.true(bytes.subarray(5, 10).equals(await file.read(5, 5)))
})

test('destroy before, during and after: close comes after the read, once, and no error unless one is given', async t => {
  const { file } = await opened(t)
  const before = file.createReadStream()
  before.destroy()
  await once(before, 'close')

  const during = file.createReadStream({ highWaterMark: MiB })
  const events = []
  for (const event of ['data', 'end', 'error', 'close']) during.on(event, () => events.push(event))
  during.once('ready', () => during.destroy())
  await once(during, 'close')
  await new Promise(setImmediate)
  t.deepEqual(events, ['close'])

  const failing = file.createReadStream()
  failing.once('data', () => failing.destroy(new Error('enough')))
  await t.throwsAsync(collect(failing), { message: 'enough' })

  const after = file.createReadStream({ end: 5 })
  await collect(after)
  after.destroy()
  t.true(after.destroyed)
  t.true(bytes.subarray(0, 9).equals(await file.read(0, 9)))
})

test('leaving the loop early destroys the stream, not the file', async t => {
  const { file } = await opened(t)
  const stream = file.createReadStream({ highWaterMark: 100 })
  for await (const chunk of stream) {
    t.is(chunk.length, 100)
    break
  }
  t.true(stream.destroyed)
  t.true(bytes.subarray(0, 9).equals(await file.read(0, 9)))
})

test('a signal destroys the stream with an AbortError', async t => {
  const { file } = await opened(t)
  const aborted = AbortSignal.abort(new Error('why'))
  await t.throwsAsync(collect(file.createReadStream({ signal: aborted })), { name: 'AbortError', code: 'ABORT_ERR' })
  const controller = new AbortController()
  const stream = file.createReadStream({ signal: controller.signal })
  stream.once('data', () => controller.abort())
  await t.throwsAsync(collect(stream), { name: 'AbortError', code: 'ABORT_ERR' })
})

test('closing the file ends its streams with ERR_FILE_CLOSED, and frees it', async t => {
  const { path, file } = await opened(t)
  const stream = file.createReadStream({ highWaterMark: 100 })
  await once(stream, 'readable')
  await file.close()
  await t.throwsAsync(collect(stream), { code: 'ERR_FILE_CLOSED' })
  await t.throwsAsync(collect(file.createReadStream()), { code: 'ERR_FILE_CLOSED' })
  await untilReleased(path)
})

test('a file cut under its stream ends it with ERR_FILE_TRUNCATED, never with zeros', async t => {
  const { path, file } = await opened(t)
  const stream = file.createReadStream({ highWaterMark: 10 * KiB })
  const chunks = []
  const failed = await t.throwsAsync(async () => {
    for await (const chunk of stream) {
      chunks.push(chunk)
      if (chunks.length === 2) fs.truncateSync(path, 100 * KiB + 1)
    }
  })
  t.is(failed.code, 'ERR_FILE_TRUNCATED')
  const read = Buffer.concat(chunks)
  t.true(bytes.subarray(0, read.length).equals(read))
})

// Seen to fail: without the check of the size that was noticed before, the streams ended as if the file had been read.
for (const [name, start] of [
  ['createReadStream', file => file.createReadStream({ highWaterMark: 10 * KiB })],
  ['readLines', file => file.readLines({ highWaterMark: 10 * KiB })],
  ['readableWebStream', file => file.readableWebStream()],
]) {
  for (const [who, cut] of [
    ['another process', (_, path) => fs.truncateSync(path, 1)],
    ['this handle, by refresh()', (file, path) => fs.promises.truncate(path, 1).then(() => file.refresh())],
    [
      'another handle, by truncate()',
      async (_, path) => {
        const other = await MappedFile.open(path, 'r+')
        await other.truncate(1)
        await other.close()
      },
    ],
  ]) {
    test(`${name}() does not end quietly where the file is truncated and that is noticed by ${who}`, async t => {
      const { path, file } = await opened(t)
      const failed = await t.throwsAsync(async () => {
        let isFirst = true
        for await (const _ of start(file)) {
          if (isFirst) await cut(file, path)
          isFirst = false
        }
      })
      t.is(failed.code, 'ERR_FILE_TRUNCATED')
      t.is(failed.path, path)
    })
  }
}

test('a file that has grown and was refreshed is streamed to its new end', async t => {
  const { path, file } = await opened(t)
  const stream = file.createReadStream({ highWaterMark: 10 * KiB })
  const more = seededBytes(50 * KiB, 2)
  let length = 0
  const chunks = []
  for await (const chunk of stream) {
    chunks.push(chunk)
    if (length === 0) {
      fs.appendFileSync(path, more)
      await file.refresh()
    }
    length += chunk.length
  }
  t.true(Buffer.concat([bytes, more]).equals(Buffer.concat(chunks)))
})

needs('eviction')('a cold file comes out right', async t => {
  const path = seededFile(temporaryFolder(t), 20 * MiB)
  evict(path)
  const file = await MappedFile.open(path)
  t.true(seededBytes(20 * MiB).equals(Buffer.concat(await collect(file.createReadStream()))))
  await file.close()
})

test("a stream of a file with flags 'r+' has the stores to its views", async t => {
  const path = seededFile(temporaryFolder(t), SIZE)
  const file = await MappedFile.open(path, { flags: 'r+' })
  ;(await file.view(1000, 5)).write('views')
  t.is(Buffer.concat(await collect(file.createReadStream({ start: 1000, end: 1004 }))).toString(), 'views')
  await file.close()
})

/** What happens to a stream until it is closed, and what it says of itself then. */
async function course(stream, act) {
  const events = []
  const note = name => {
    // The number of chunks depends on timing.
    if (events.at(-1) !== name) events.push(name)
  }
  for (const name of ['open', 'ready', 'data', 'end', 'close']) {
    if (name !== 'data') stream.on(name, () => note(name))
  }
  stream.on('error', error => note(`${error.name}: ${error.message}`))
  const closed = new Promise(resolve => stream.once('close', resolve))
  await act(stream, note)
  await closed
  // No event follows 'close'.
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
  const { destroyed, closed: isClosed, readableEnded, readableAborted, readableDidRead, errored } = stream
  return { events, destroyed, isClosed, readableEnded, readableAborted, readableDidRead, errored: errored?.message }
}

const noted = (stream, note) => stream.on('data', () => note('data'))
const full = () => new Writable({ write: (_chunk, _encoding, callback) => callback(new Error('full')) })

for (const [what, act, options] of [
  ['read to its end, and destroyed by itself', noted],
  ['nothing in the range', noted, { start: SIZE }],
  ['destroyed at once', stream => stream.destroy()],
  ['destroyed at once with an error', stream => stream.destroy(new Error('no more'))],
  ['destroyed at once while it flows', (stream, note) => noted(stream, note).destroy()],
  ['destroyed twice, with two errors', stream => stream.destroy(new Error('first')).destroy(new Error('second'))],
  ['destroyed when it is open', stream => stream.once('open', () => stream.destroy())],
  ['destroyed when it is ready, with an error', stream => stream.once('ready', () => stream.destroy(new Error('no')))],
  [
    'destroyed at the first chunk',
    (stream, note) => noted(stream, note).once('data', () => stream.destroy()),
    { highWaterMark: 100 },
  ],
  [
    'destroyed after its end',
    (stream, note) => noted(stream, note).once('end', () => stream.destroy(new Error('late'))),
  ],
  ['a consumer that fails', stream => pipeline(stream, full()).catch(() => {})],
  [
    'iterated, and left',
    async stream => {
      for await (const chunk of stream) if (chunk.length > 0) break
    },
  ],
  [
    'setEncoding when it is ready',
    (stream, note) => stream.once('ready', () => noted(stream.setEncoding('hex'), note)),
  ],
  [
    'paused and resumed',
    (stream, note) => {
      noted(stream, note).once('data', () => {
        stream.pause()
        setImmediate(() => stream.resume())
      })
    },
  ],
]) {
  test(`the same events as those of fs.createReadStream: ${what}`, async t => {
    const { path, file } = await opened(t)
    const ours = await course(file.createReadStream(options), act)
    t.deepEqual(ours, await course(fs.createReadStream(path, options), act))
    t.false(file.closed)
  })
}

test('a signal aborted before the end: the same events', async t => {
  const { path, file } = await opened(t)
  const of = create => {
    const controller = new AbortController()
    return course(create({ signal: controller.signal, highWaterMark: 100 }), (stream, note) => {
      noted(stream, note).once('data', () => controller.abort())
    })
  }
  const theirs = await of(options => fs.createReadStream(path, options))
  t.deepEqual(await of(options => file.createReadStream(options)), theirs)
})

test('destroyed before its first read, a stream reads nothing', async t => {
  const { file } = await opened(t)
  for (const name of ['readInto', 'prefault']) file[name] = () => t.fail(name)
  const stream = file.createReadStream()
  const { events } = await course(stream, () => stream.destroy())
  t.false(events.includes('data') || events.includes('end'))
  t.is(stream.bytesRead, 0)
})

test('a read that fails: the error, then close, and never an end', async t => {
  const { path, file } = await opened(t)
  fs.truncateSync(path, 10)
  const cut = await course(file.createReadStream({ start: 100 }), noted)
  t.deepEqual(cut.events.slice(0, 2), ['open', 'ready'])
  t.regex(cut.events[2], /ERR_FILE_TRUNCATED|cut|truncated/)
  t.deepEqual([cut.events.at(-1), cut.events.length, cut.readableEnded], ['close', 4, false])
  await file.close()
  const closed = await course(file.createReadStream(), noted)
  t.deepEqual([closed.events.at(-1), closed.events.length, closed.readableEnded], ['close', 4, false])
})
