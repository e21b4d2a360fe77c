// Views that threads share: one SharedArrayBuffer for the whole file, posted and not copied.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import zlib from 'node:zlib'
import test from 'ava'
import { capabilities, MappedFile } from 'faultless'
import { KiB, MiB, PAGE, seededBytes, seededFile, sparseFile, TiB, temporaryFolder } from './helpers/files.mjs'
import { collectGarbage, mappingsOf, untilReleased } from './helpers/process.mjs'
import { program, unless } from './helpers/rig.mjs'

const { sharedViews } = capabilities()
const shared = unless(sharedViews ? undefined : 'this Node has no SharedArrayBuffers over external memory')
const [major, minor] = process.versions.node.split('.').map(Number)

test('capabilities() says whether threads can share views, which depends on the version of Node', t => {
  const has = (major === 22 && minor >= 23) || (major === 24 && minor >= 16) || major >= 26
  t.is(sharedViews, has && process.platform === 'linux')
})

test('where threads cannot share views, or that is no answer, open() says so', async t => {
  const path = seededFile(temporaryFolder(t), PAGE)
  await t.throwsAsync(MappedFile.open(path, { shared: 1 }), { code: 'ERR_INVALID_ARG_TYPE', instanceOf: TypeError })
  await t.throwsAsync(MappedFile.open(path, { shared: null }), { code: 'ERR_INVALID_ARG_TYPE' })
  const ordinary = await MappedFile.open(path)
  await t.throwsAsync(ordinary.chunks({ shared: 1 }).next(), { code: 'ERR_INVALID_ARG_TYPE', instanceOf: TypeError })
  if (!sharedViews) await t.throwsAsync(ordinary.chunks({ shared: true }).next(), { code: 'ERR_UNSUPPORTED' })
  await ordinary.close()
  if (!sharedViews) {
    const error = await t.throwsAsync(MappedFile.open(path, { shared: true }), { code: 'ERR_UNSUPPORTED' })
    t.regex(error.message, /22\.23, 24\.16, 26\.1/)
  }
  const file = await MappedFile.open(path, { shared: false })
  t.true((await file.view()).buffer instanceof ArrayBuffer)
  await file.close()
})

test('shared views of files that cannot be mapped are copies that threads share', async t => {
  if (!sharedViews) return t.pass('said by the test before')
  const file = await MappedFile.open('/proc/self/status', { shared: true })
  t.is(file.backend, 'read')
  const view = await file.view()
  t.true(view.buffer instanceof SharedArrayBuffer)
  t.regex(view.toString(), /^Name:/)
  await file.close()
})

test('a MappedFile cannot be cloned, and the error names the alternatives', async t => {
  const file = await MappedFile.open(seededFile(temporaryFolder(t), PAGE))
  const { port1, port2 } = new MessageChannel()
  for (const clone of [() => structuredClone(file), () => structuredClone([file]), () => port1.postMessage(file)]) {
    // Not by t.throws(), for which a DOMException of Node 20 is no error.
    const error = thrownBy(clone)
    t.is(error?.name, 'DataCloneError')
    t.regex(error.message, /a MappedFile; instead, open its path in the worker, or post a view/)
  }
  port1.close()
  port2.close()
  t.deepEqual(JSON.parse(JSON.stringify(file)), { path: file.path, flags: 'r' })
  await file.close()
})

shared('all views of a handle are parts of one SharedArrayBuffer, as long as the file', async t => {
  const path = seededFile(temporaryFolder(t), 3 * MiB + 5)
  const file = await MappedFile.open(path, { shared: true })
  const [first, second] = [await file.view(10, 100), await file.view(2 * MiB)]
  const third = file.tryView(10, 100)
  t.true(first.buffer instanceof SharedArrayBuffer)
  t.is(first.buffer.byteLength, 3 * MiB + 5)
  t.is(first.byteOffset, 10)
  for (const view of [second, third]) t.is(view.buffer, first.buffer)
  for await (const chunk of file.chunks()) t.is(chunk.buffer, first.buffer)
  t.true(second.equals(fs.readFileSync(path).subarray(2 * MiB)))
  t.true((await file.view(0, 0)).buffer instanceof SharedArrayBuffer)
  t.true((await file.read(0, 100)).buffer instanceof ArrayBuffer)
  t.true((await file.slice(0, 100)) instanceof ArrayBuffer)
  await file.close()
})

shared('a view of a file of 1 TiB is one Buffer', async t => {
  const path = sparseFile(temporaryFolder(t), TiB, [[TiB - 3, 'end']])
  const file = await MappedFile.open(path, { shared: true })
  const view = await file.view(TiB - PAGE)
  t.is(view.buffer.byteLength, TiB)
  t.is(view.toString('latin1', PAGE - 3), 'end')
  await file.close()
})

shared('a posted view is shared: nothing is copied, and every thread sees the stores of the others', async t => {
  const path = seededFile(temporaryFolder(t), 256 * MiB)
  const result = await program(t, 'post-views', [path, 4])
  t.true(result.same)
  t.true(result.stored)
  t.true(result.grown < 64 * MiB, `${result.grown} bytes more in memory`)
})

shared('stores to shared views stay with them in mode r, and are in the file in mode r+', async t => {
  const folder = temporaryFolder(t)
  const [kept, written] = ['kept', 'written'].map((name, seed) => seededFile(folder, MiB, seed + 1, name))
  for (const [path, mode] of [
    [kept, 'r'],
    [written, 'r+'],
  ]) {
    const before = fs.readFileSync(path)
    const file = await MappedFile.open(path, { flags: mode, shared: true })
    const view = await file.view(PAGE, 8)
    const copy = structuredClone(view)
    copy.set(Buffer.from('abcdefgh'))
    t.is(view.toString(), 'abcdefgh')
    const bytes = fs.readFileSync(path)
    if (mode === 'r') t.true(bytes.equals(before))
    else t.is(bytes.toString('latin1', PAGE, PAGE + 8), 'abcdefgh')
    t.is((await file.read(PAGE, 8)).equals(view), mode === 'r+')
    await file.close()
  }
})

// 2 processes of 4 workers each.
shared('Atomics count right across workers, and by the file across processes', async t => {
  const path = join(temporaryFolder(t), 'counter')
  fs.writeFileSync(path, Buffer.alloc(PAGE))
  const [workers, each] = [4, 100_000]
  await Promise.all([1, 2].map(() => program(t, 'count-shared', [path, workers, each])))
  t.is(fs.readFileSync(path).readInt32LE(64), 2 * workers * each)
})

shared('Atomics.wait() in a worker sees the stores of another thread to a shared view', async t => {
  const path = join(temporaryFolder(t), 'signal')
  fs.writeFileSync(path, Buffer.alloc(PAGE))
  const file = await MappedFile.open(path, { flags: 'r+', shared: true })
  const view = await file.view()
  const cells = new Int32Array(view.buffer, 0, 2)
  const source = `const { parentPort, workerData } = require('node:worker_threads')
    const cells = new Int32Array(workerData.buffer, 0, 2)
    parentPort.postMessage('ready')
    parentPort.postMessage(Atomics.wait(cells, 0, 0, 20_000) + cells[1])`
  const worker = new Worker(source, { eval: true, workerData: view })
  const answers = []
  const answered = new Promise(resolve => worker.on('message', answer => answers.push(answer) === 2 && resolve()))
  while (answers.length === 0) await delay(5)
  cells[1] = 7
  // The worker may not wait yet.
  Atomics.store(cells, 0, 1)
  while (answers.length < 2) {
    Atomics.notify(cells, 0)
    await delay(5)
  }
  await answered
  t.true(['ok7', 'not-equal7'].includes(answers[1]), answers[1])
  await worker.terminate()
  await file.close()
})

shared('a mapping lives as long as any thread has a view of it, and no longer', async t => {
  const path = seededFile(temporaryFolder(t), 8 * MiB)
  const expected = createHash('sha256').update(fs.readFileSync(path)).digest('hex')
  const source = `const { parentPort, workerData } = require('node:worker_threads')
    const { createHash } = require('node:crypto')
    parentPort.on('message', () => parentPort.postMessage(createHash('sha256').update(workerData).digest('hex')))`
  const workers = await (async () => {
    const file = await MappedFile.open(path, { shared: true })
    const workerData = await file.view()
    const made = [1, 2, 3].map(() => new Worker(source, { eval: true, workerData }))
    await file.close()
    return made
  })()
  const ask = worker =>
    new Promise(resolve => {
      worker.once('message', resolve)
      worker.postMessage('')
    })
  for (const worker of workers) t.is(await ask(worker), expected)
  await collectGarbage()
  for (const worker of workers.slice(0, 2)) await worker.terminate()
  t.deepEqual(
    mappingsOf(path).filter(permissions => permissions === 'rw-p'),
    ['rw-p'],
  )
  t.is(await ask(workers[2]), expected)
  await workers[2].terminate()
  await untilReleased(path)
})

shared('workers that end in any order while they use a view do not end the process', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  for (const way of ['terminate', 'exit', 'return']) {
    t.deepEqual(await program(t, 'end-shared', [path, way]), { ended: 60 })
  }
})

shared('a process that ends while its threads use a view ends cleanly', async t => {
  const path = seededFile(temporaryFolder(t), 4 * MiB)
  for (const way of ['exit', 'exit', 'exit', 'error', 'error']) {
    t.deepEqual(await program(t, 'exit-with-shared', [path, way]), { began: 4 })
  }
})

shared('the option `shared` of chunks() counts, not that of the file', async t => {
  const path = seededFile(temporaryFolder(t), 3 * MiB + 5)
  const expected = fs.readFileSync(path)
  for (const asked of [true, false]) {
    const file = await MappedFile.open(path, { shared: asked })
    for (const shared of [true, false, undefined]) {
      const isShared = shared ?? asked
      const got = []
      for await (const chunk of file.chunks({ shared })) {
        t.is(chunk.buffer instanceof SharedArrayBuffer, isShared)
        got.push(Buffer.from(chunk))
      }
      t.true(Buffer.concat(got).equals(expected))
    }
    t.is((await file.view()).buffer instanceof SharedArrayBuffer, asked)
    await file.close()
  }
})

shared('a byte stream refuses a shared view, and takes nothing', async t => {
  const file = await MappedFile.open(seededFile(temporaryFolder(t), PAGE), { shared: true })
  const view = await file.view()
  t.throws(() => new ReadableStream({ type: 'bytes', start: controller => controller.enqueue(view) }), {
    instanceOf: TypeError,
  })
  t.is(view.length, PAGE)
  await file.close()
})

shared('a file that is cut gives zeros in every thread, and the next call says so', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  const file = await MappedFile.open(path, { shared: true })
  const view = await file.view()
  const source = `const { parentPort, workerData } = require('node:worker_threads')
    parentPort.on('message', () => parentPort.postMessage(workerData.subarray(${512 * KiB}).every(byte => byte === 0)))`
  const workers = [1, 2].map(() => new Worker(source, { eval: true, workerData: view }))
  fs.truncateSync(path, 512 * KiB)
  for (const worker of workers) {
    const answer = new Promise(resolve => worker.once('message', resolve))
    worker.postMessage('')
    t.true(await answer)
    await worker.terminate()
  }
  t.true(view.subarray(512 * KiB).every(byte => byte === 0))
  await t.throwsAsync(file.view(600 * KiB, 10), { code: 'ERR_FILE_TRUNCATED' })
  t.true((await file.view(0, 512 * KiB)).equals(seededBytes(MiB).subarray(0, 512 * KiB)))
  await file.close()
})

shared('functions that take a Buffer take a shared view', async t => {
  const folder = temporaryFolder(t)
  const path = seededFile(folder, 300 * KiB)
  const expected = fs.readFileSync(path)
  const file = await MappedFile.open(path, { shared: true })
  const view = await file.view()
  const hash = bytes => createHash('sha256').update(bytes).digest('hex')
  t.is(hash(view), hash(expected))
  t.true(zlib.gunzipSync(zlib.gzipSync(view)).equals(expected))
  const gzipped = await new Promise((resolve, reject) =>
    zlib.gzip(view, (error, bytes) => (error ? reject(error) : resolve(bytes))),
  )
  t.true(zlib.gunzipSync(gzipped).equals(expected))
  await fs.promises.writeFile(join(folder, 'copy'), view)
  t.true(fs.readFileSync(join(folder, 'copy')).equals(expected))
  t.true(Buffer.from(await new Blob([view]).arrayBuffer()).equals(expected))
  t.is(Buffer.concat([view]).compare(expected), 0)
  t.true(new Uint16Array(view.buffer, 0, 100).length === 100)
  const server = http.createServer((_, response) => response.end(view)).listen(0)
  await new Promise(resolve => server.once('listening', resolve))
  const response = await fetch(`http://127.0.0.1:${server.address().port}/`)
  t.true(Buffer.from(await response.arrayBuffer()).equals(expected))
  await new Promise(resolve => server.close(resolve))
  await t.throwsAsync(crypto.subtle.digest('SHA-256', view), { name: 'TypeError' })
  t.throws(() => structuredClone(view, { transfer: [view.buffer] }), { name: 'DataCloneError' })
  t.is(view.length, expected.length)
  const child = spawn('sha256sum', { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(view)
  t.is((await text(child.stdout)).slice(0, 64), hash(expected))
  await file.close()
})

shared('bytes by which a write extends the file are in later views', async t => {
  const path = seededFile(temporaryFolder(t), PAGE)
  const file = await MappedFile.open(path, { flags: 'r+', shared: true })
  const before = await file.view()
  await file.write(Buffer.from('more'), PAGE)
  const after = await file.view()
  t.is(after.length, PAGE + 4)
  t.is(after.toString('latin1', PAGE), 'more')
  after[0] = before[0] ^ 255
  t.is(before[0], after[0], 'the same memory')
  await file.close()
})

shared('windows that threads share make V8 collect nothing', async t => {
  const folder = temporaryFolder(t)
  const paths = Array.from({ length: 20 }, (_, index) => sparseFile(folder, 256 * MiB, [], `sparse-${index}`))
  const [{ count: ordinary }, { count: ofShared }] = await Promise.all(
    ['longView', 'sharedView'].map(way => program(t, 'collections', [way, ...paths])),
  )
  t.log({ ordinary, ofShared })
  t.true(ordinary >= 5, 'or the other figure says nothing')
  t.true(ofShared <= 1)
})

function thrownBy(action) {
  try {
    action()
  } catch (error) {
    return error
  }
}
