// Arguments and options as node:fs has them: they mean the same here, or are refused with the call that does the same.

import fs from 'node:fs'
import { open as openFs } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { MappedFile, mmapRead } from 'faultless'
import { bytesBySync, MiB, seededBytes, seededFile, temporaryFolder } from './helpers/files.mjs'
import { rejects } from './helpers/rejects.mjs'

const TYPE = { type: TypeError, code: 'ERR_INVALID_ARG_TYPE' }
const VALUE = { type: TypeError, code: 'ERR_INVALID_ARG_VALUE' }

async function opened(t, path, options) {
  const file = await MappedFile.open(path, options)
  t.teardown(() => file.close())
  return file
}

// Seen to fail: write() took the second argument for the position, and ignored the rest.
test('the arguments of FileHandle.write() are refused with the right call, and nothing is written', async t => {
  const path = seededFile(temporaryFolder(t), 1000)
  const file = await opened(t, path, 'r+')
  const data = Buffer.alloc(32, 'x')
  for (const [args, call] of [
    [[data, 0, 32, 64], 'file.write(data.subarray(0, 32), 64)'],
    [[data, 8, 8, 64], 'file.write(data.subarray(8, 16), 64)'],
    [[data, 0, 32], 'file.write(data.subarray(0, 32), position)'],
    [[data, { position: 64 }], 'file.write(data, 64)'],
    [[data, { offset: 8, length: 8, position: 64 }], 'file.write(data.subarray(8, 16), 64)'],
  ]) {
    const error = await rejects(t, () => file.write(...args), TYPE)
    t.true(error.message.includes(call), error.message)
  }
  t.deepEqual(fs.readFileSync(path), seededBytes(1000))
})

// Seen to fail: the third argument was refused as options, without the call that is meant.
test('the arguments of FileHandle.read() are refused with the right call', async t => {
  const file = await opened(t, seededFile(temporaryFolder(t), 1000))
  const target = Buffer.alloc(32)
  for (const [args, call] of [
    [[target, 0, 32, 64], 'file.readInto(target.subarray(0, 32), 64)'],
    [[target, { length: 16, position: 64 }], 'file.readInto(target.subarray(0, 16), 64)'],
    [[{ buffer: target }], 'file.readInto(target, position)'],
    [[target], 'file.readInto(target, position)'],
  ]) {
    const error = await rejects(t, () => file.read(...args), TYPE)
    t.true(error.message.includes(call), error.message)
  }
  for (const args of [
    [target, 0, 32, 64],
    [target, { length: 32, position: 64 }],
  ]) {
    const call = `file.readInto(target.subarray(0, 32), 64)`
    t.true((await rejects(t, () => file.readInto(...args), TYPE)).message.includes(call))
    const refused = t.throws(() => file.tryReadInto(...args), { instanceOf: TypeError, code: TYPE.code })
    t.true(refused.message.includes(call.replace('readInto', 'tryReadInto')))
  }
})

// Seen to fail: all of these were ignored.
test('more arguments than a method has are refused', async t => {
  const path = seededFile(temporaryFolder(t), 1000)
  const file = await opened(t, path)
  const calls = {
    open: () => MappedFile.open(path, {}, 0o600),
    read: () => file.read(0, 1, {}, 1),
    readMany: () => file.readMany([], {}, 1),
    readManySettled: () => file.readManySettled([], {}, 1),
    readManyInto: () => file.readManyInto(Buffer.alloc(1), [0], 1, {}, 1),
    view: () => file.view(0, 1, {}, 1),
    slice: () => file.slice(0, 1, {}, 1),
    prefault: () => file.prefault(0, 1, {}, 1),
    residency: () => file.residency(0, 1, {}),
    advise: () => file.advise('normal', 0, 1, {}),
    lock: () => file.lock(0, 1, {}),
    unlock: () => file.unlock(0, 1, {}),
    flush: () => file.flush(0, 1, {}),
    refresh: () => file.refresh({}),
    close: () => file.close(() => {}),
    mmapRead: () => mmapRead(path, 0, 1, {}, 1),
  }
  for (const [name, call] of Object.entries(calls)) {
    const error = await rejects(t, call, TYPE, name)
    t.true(error.message.includes(`${name}(`), error.message)
  }
  const thrown = { instanceOf: TypeError, code: TYPE.code }
  for (const [name, call] of Object.entries({
    tryRead: () => file.tryRead(0, 1, {}),
    tryView: () => file.tryView(0, 1, {}),
    chunks: () => file.chunks({}, 1),
    createReadStream: () => file.createReadStream({}, 1),
  })) {
    t.true(t.throws(call, thrown, name).message.includes(`${name}(`), name)
  }
  t.false(file.closed)
})

// Seen to fail: each was ignored.
test('an option that no method looks at is refused, with those that there are', async t => {
  const path = seededFile(temporaryFolder(t), 1000)
  const file = await opened(t, path)
  const target = Buffer.alloc(1)
  for (const [call, known] of [
    [() => MappedFile.open(path, { flag: 'r+' }), 'flags, mode, shared, signal'],
    [() => file.read(0, 1, { position: 5 }), 'signal'],
    [() => file.readInto(target, 0, { length: 5 }), 'signal'],
    [() => file.readMany([], { concurrency: 5 }), 'signal'],
    [() => file.readManyInto(target, [0], 1, { stride: 5 }), 'signal'],
    [() => file.view(0, 1, { copy: true }), 'signal'],
    [() => file.slice(0, 1, { copy: true }), 'signal'],
    [() => file.prefault(0, 1, { wait: true }), 'signal'],
    [() => file.chunks({ highWaterMark: 5 }).next(), 'chunkSize'],
    [() => mmapRead(path, 0, 1, { timeout: 5 }), 'idle, signal'],
  ]) {
    const error = await rejects(t, call, VALUE)
    t.true(error.message.includes(known), error.message)
  }
  t.throws(() => file.createReadStream({ fd: 5 }), { instanceOf: TypeError, code: VALUE.code, message: /has no "fd"/ })
  t.is((await file.read(0, 1, { position: undefined })).length, 1, 'an option that is undefined is none')
})

// Seen to fail: { flags } was ignored, and a string was refused as options.
test('flags are those of node:fs, as a string or as an option', async t => {
  const folder = temporaryFolder(t)
  const path = seededFile(folder, 1000)
  for (const options of ['r+', { flags: 'r+' }]) {
    const file = await opened(t, path, options)
    t.is(file.flags, 'r+')
    t.is(await file.write(Buffer.of(1, 2, 3), 5), 3)
  }
  t.is((await opened(t, path)).flags, 'r')
  for (const [flags, message] of [
    ['w', /use 'w\+'/],
    ['a', /use 'a\+'/],
    ['wx', /use 'wx\+'/],
    ['rs+', /'r', 'r\+', 'w\+', 'wx\+', 'a\+', 'ax\+'/],
  ]) {
    t.regex((await rejects(t, () => MappedFile.open(path, flags), VALUE)).message, message)
  }
  t.regex((await rejects(t, () => MappedFile.open(path, { flags: fs.constants.O_RDWR }), TYPE)).message, /O_RDWR/)
  const wrongMode = await rejects(t, () => MappedFile.open(path, { mode: 'r+' }), VALUE)
  t.regex(wrongMode.message, /Use flags: 'r\+'/)
  await rejects(t, () => MappedFile.open(path, { flags: 'r+', mode: 0o600 }), VALUE)
  t.is(fs.statSync(path).size, 1000)
})

test('a file that is missing is made with its permissions, and emptied or kept as the flags say', async t => {
  const folder = temporaryFolder(t)
  for (const [flags, name] of ['w+', 'wx+', 'a+', 'ax+'].map(flags => [flags, join(folder, `made-${flags}`)])) {
    const file = await opened(t, name, { flags, mode: 0o640 })
    t.is(file.byteLength, 0, flags)
    t.is(fs.statSync(name).mode & 0o777, 0o640 & ~process.umask(), flags)
    t.is(file.flags, flags)
    if (flags.includes('x')) await rejects(t, () => MappedFile.open(name, flags), { code: 'EEXIST' })
  }
  const path = seededFile(folder, 1000)
  t.is((await opened(t, path, 'a+')).byteLength, 1000)
  t.is((await opened(t, path, { flags: 'w+', mode: '600' })).byteLength, 0)
  t.is(fs.statSync(path).size, 0)
  await rejects(t, () => MappedFile.open(folder, 'w+'), { code: 'ERR_NOT_A_FILE' })
  await rejects(t, () => MappedFile.open(join(folder, 'none/file'), 'w+'), { code: 'ENOENT' })
  for (const mode of [-1, 1.5, 0o10000]) {
    await rejects(t, () => MappedFile.open(path, { flags: 'w+', mode }), { type: RangeError, code: 'ERR_OUT_OF_RANGE' })
  }
  await rejects(t, () => MappedFile.open(path, { flags: 'w+', mode: 'rw' }), VALUE)
})

// Seen to fail: a number was refused as a path, and mmapRead() took nothing but paths.
test('a descriptor opens as a FileHandle does, and both stay with the caller', async t => {
  const path = seededFile(temporaryFolder(t), 1000)
  const descriptor = fs.openSync(path)
  t.teardown(() => fs.closeSync(descriptor))
  const file = await MappedFile.open(descriptor)
  t.deepEqual(await file.read(10, 20), bytesBySync(path, 10, 20))
  await file.close()
  t.is(fs.readSync(descriptor, Buffer.alloc(5)), 5, 'still open')
  for (const wrong of [-5, 0.5, 2 ** 40]) {
    await rejects(t, () => MappedFile.open(wrong), { type: RangeError, code: 'ERR_OUT_OF_RANGE' })
  }
  await rejects(t, () => MappedFile.open(descriptor, 'w+'), VALUE)

  const handle = await openFs(path)
  t.deepEqual(await mmapRead(handle, 10, 20), bytesBySync(path, 10, 20))
  t.deepEqual(await mmapRead(handle), fs.readFileSync(path))
  t.deepEqual((await handle.read(Buffer.alloc(5), 0, 5, 0)).bytesRead, 5)
  await handle.close()
  await rejects(t, () => mmapRead(handle), { code: 'EBADF' })
})

// Seen to fail: an iterable and a Uint32Array were refused.
test('readMany takes any iterable, readManyInto any array of integers', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  const file = await opened(t, path)
  const offsets = [5, 70_000, 1000]
  const expected = offsets.map(offset => bytesBySync(path, offset, 10))
  const ranges = offsets.map(offset => ({ offset, length: 10 }))
  for (const list of [new Set(ranges), ranges.values(), ranges]) {
    t.deepEqual(await file.readMany(list), expected)
  }
  const big = offsets.map(BigInt)
  for (const list of [Uint32Array, Int32Array, Float64Array].map(List => List.from(offsets))) {
    const target = Buffer.alloc(30)
    t.is(await file.readManyInto(target, list, 10), 30)
    t.deepEqual(target, Buffer.concat(expected), list.constructor.name)
  }
  for (const list of [offsets, big, BigUint64Array.from(big), BigInt64Array.from(big)]) {
    const target = Buffer.alloc(30)
    t.is(await file.readManyInto(target, list, 10), 30)
    t.deepEqual(target, Buffer.concat(expected))
  }
  await rejects(t, () => file.readManyInto(Buffer.alloc(30), Int32Array.of(0, -1), 10), {
    type: RangeError,
    code: 'ERR_OUT_OF_RANGE',
  })
})

// Seen to fail: null and '' were refused.
test('createReadStream takes null and an encoding in place of options, and no encoding as null or an empty string', async t => {
  const path = seededFile(temporaryFolder(t), 1000)
  const file = await opened(t, path)
  for (const options of [null, undefined, '', { encoding: null }, { encoding: '' }]) {
    const chunks = await file.createReadStream(options).toArray()
    t.deepEqual(Buffer.concat(chunks), fs.readFileSync(path))
  }
  const texts = await file.createReadStream('hex').toArray()
  t.is(texts.join(''), fs.readFileSync(path, 'hex'))
  t.throws(() => file.createReadStream('hexa'), { instanceOf: TypeError, code: VALUE.code })
})

// Seen to fail: both were ignored.
test('createReadStream honours autoClose and emitClose', async t => {
  const path = seededFile(temporaryFolder(t), 1000)
  const file = await opened(t, path)
  await file.createReadStream().toArray()
  t.false(file.closed, 'the file stays open by default')

  const silent = file.createReadStream({ emitClose: false })
  let closes = 0
  silent.on('close', () => {
    closes += 1
  })
  await silent.toArray()
  await new Promise(setImmediate)
  t.true(silent.destroyed)
  t.is(closes, 0)

  const closing = file.createReadStream({ autoClose: true })
  await closing.toArray()
  if (!closing.closed) await new Promise(resolve => closing.once('close', resolve))
  t.true(file.closed)
  for (const name of ['autoClose', 'emitClose']) {
    t.throws(() => file.createReadStream({ [name]: 1 }), { instanceOf: TypeError, code: TYPE.code })
  }
})

// Seen to fail: there was no close().
test('a stream’s close() calls back when it has ended', async t => {
  const file = await opened(t, seededFile(temporaryFolder(t), MiB))
  const stream = file.createReadStream()
  await new Promise(resolve => stream.once('data', resolve))
  t.falsy(await new Promise(resolve => stream.close(resolve)))
  t.true(stream.closed)
  t.falsy(await new Promise(resolve => stream.close(resolve)), 'twice')
  t.false(file.closed)
})

// Seen to fail: idle was a property that anybody could set to anything.
test('how long mmapRead keeps a file mapped is an option of the call', async t => {
  const path = seededFile(temporaryFolder(t), 1000)
  t.deepEqual(await mmapRead(path, 5, 5, { idle: 0 }), bytesBySync(path, 5, 5))
  t.false('idle' in mmapRead)
  for (const idle of ['x', -1, Number.NaN, null]) await rejects(t, () => mmapRead(path, 0, 1, { idle }), VALUE)
})
