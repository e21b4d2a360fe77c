// The addon by itself: it checks its arguments, and refuses invalid ones.
//
// Seen to fail: if an id does not include the number of uses of its slot, the id of a closed file is that of the next
// file; if a method returns an error instead of throwing it, lib/ uses the error as a result.

import { once } from 'node:events'
import { inspect } from 'node:util'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { MappedFile } from 'faultless'
import { NativeFile, openFile, readerFunctions } from '#binding'
import { MiB, seededBytes, seededFile, temporaryFolder } from './helpers/files.mjs'

const functions = readerFunctions()
const target = Buffer.alloc(64)
const calls = {
  tryCopy: reader => functions.tryCopy(reader, target, 0, 0, 8),
  tryCopyMany: reader => functions.tryCopyMany(reader, target, 0, Float64Array.of(0), Float64Array.of(8)),
  readyViews: reader => functions.readyViews(reader, 0, 8),
  mappedViews: reader => functions.mappedViews(reader, 0, 8),
}

/** A file of the addon's, by way of a handle, so that there is a permit for its job. */
async function nativeFile(t) {
  const path = seededFile(temporaryFolder(t), MiB)
  const { reader } = Object.getOwnPropertyDescriptor(NativeFile.prototype, 'reader') ?? {}
  t.is(reader, undefined)
  let native
  const { get } = Object.getOwnPropertyDescriptor(NativeFile.prototype, 'byteLength')
  Object.defineProperty(NativeFile.prototype, 'byteLength', {
    configurable: true,
    get() {
      native = this
      return get.call(this)
    },
  })
  const file = await MappedFile.open(path)
  Object.defineProperty(NativeFile.prototype, 'byteLength', { configurable: true, get })
  return { file, native, path }
}

const refused = { message: /released|not a number|InvalidArg|NumberExpected/i }

test.serial('the addon refuses ids of closed files, ids of other threads, and values that are not numbers', async t => {
  const { file, native, path } = await nativeFile(t)
  const { reader } = native
  for (const call of Object.values(calls)) t.notThrows(() => call(reader))
  const others = {
    'of nobody': reader + 1,
    'of another generation': reader + 2 ** 20,
    'as a fraction': reader + 2 ** 33,
  }
  const garbage = [0, -1, 2 ** 32 - 1, 2 ** 32, Number.NaN, Infinity, -Infinity, 1e300, ...Object.values(others)]
  const noNumbers = [undefined, null, '1', {}, [], native, file, true, 1n, Symbol('reader'), () => reader]
  for (const [name, call] of Object.entries(calls)) {
    for (const wrong of [...garbage, ...noNumbers]) t.throws(() => call(wrong), refused, `${name}: ${inspect(wrong)}`)
  }
  await file.close()
  for (const [name, call] of Object.entries(calls)) t.throws(() => call(reader), refused, `${name} of a closed file`)
  // The next file gets the same slot with another number.
  const next = await MappedFile.open(path)
  for (const [name, call] of Object.entries(calls))
    t.throws(() => call(reader), refused, `${name} of a closed file, later`)
  t.true(seededBytes(MiB).equals(await next.read()))
  const foreign = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
    import(workerData.binding).then(({ readerFunctions }) => {
      try {
        parentPort.postMessage(readerFunctions().readyViews(workerData.reader, 0, 8))
      } catch ({ message }) {
        parentPort.postMessage(message)
      }
    })`,
    { eval: true, workerData: { binding: import.meta.resolve('#binding'), reader } },
  )
  t.regex((await once(foreign, 'message'))[0], /released/)
  await next.close()
})

test.serial('the addon refuses targets, positions and ranges that do not fit', async t => {
  const { file, native } = await nativeFile(t)
  const { reader } = native
  const fits = (bytes, at, offset, length) => functions.tryCopy(reader, bytes, at, offset, length)
  t.notThrows(() => fits(target, 0, 0, 64))
  for (const args of [
    [target, 1, 0, 64],
    [target, 2 ** 53, 0, 8],
    [target, -1, 0, 8],
    [target, 0, MiB, 1],
    [target, 0, MiB - 4, 8],
    [target, 0, -8, 8],
    [target, 0, 0, -8],
    [target, 0, Number.NaN, 8],
    [target, 0, 0, Infinity],
    [target, 0, 2 ** 53, 2 ** 53],
    [new Float64Array(8), 0, 0, 8],
    [new DataView(new ArrayBuffer(64)), 0, 0, 8],
    [new ArrayBuffer(64), 0, 0, 8],
    [{ length: 64 }, 0, 0, 8],
    [undefined, 0, 0, 8],
  ]) {
    t.throws(() => fits(...args), undefined, inspect(args))
  }
  const many = (offsets, lengths) => functions.tryCopyMany(reader, target, 0, offsets, lengths)
  for (const args of [
    [Float64Array.of(0, 8), Float64Array.of(8)],
    [Float64Array.of(0, 8), Float64Array.of(60, 8)],
    [Float64Array.of(MiB), Float64Array.of(1)],
    [new Float32Array(1), Float64Array.of(8)],
    [[0], [8]],
  ]) {
    t.throws(() => many(...args), undefined, inspect(args))
  }
  t.is(target.length, 64)
  await file.close()
})

test.serial('methods of the addon refuse other objects, and calls without a permit', async t => {
  const { file, native, path } = await nativeFile(t)
  for (const method of ['window', 'readRanges', 'populateRanges', 'residency', 'refresh', 'write', 'flush', 'lock']) {
    for (const self of [{}, Object.create(NativeFile.prototype), file, functions]) {
      t.throws(() => NativeFile.prototype[method].call(self, 0, 0, 0, 0, 0), undefined, method)
    }
  }
  // No permit was taken for this job.
  t.throws(() => native.residency(0, 1))
  t.throws(() => openFile(Buffer.from(path), false))
  t.true(seededBytes(MiB).equals(await file.read()), 'the handle goes on')
  await file.close()
  t.throws(() => native.byteLength, refused)
})
