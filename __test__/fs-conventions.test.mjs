// Arguments and options of node:fs: they have the same meaning here, or are refused with the equivalent call.

import fs from 'node:fs'
import { open as openFs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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

// Seen to fail: write() used the second argument as the offset, and ignored the others.
test('the arguments of FileHandle.write() are refused with the right call, and nothing is written', async t => {
  const path = seededFile(temporaryFolder(t), 1000)
  const file = await opened(t, path, 'r+')
  const data = Buffer.alloc(32, 'x')
  for (const [args, call] of [
    [[data, 0, 32, 64], 'file.write(data.subarray(0, 32), 64)'],
    [[data, 8, 8, 64], 'file.write(data.subarray(8, 16), 64)'],
    [[data, 0, 32], 'file.write(data.subarray(0, 32), offset) or file.append(data.subarray(0, 32))'],
    [[data, 0, 32, null], 'file.append(data.subarray(0, 32))'],
    [[data, null], 'file.append(data)'],
    [[data], 'file.append(data)'],
    [['é', 3, 'latin1'], "file.write(Buffer.from(data, 'latin1'), 3)"],
    [['é', 3, 'utf8'], 'file.write(data, 3)'],
    [['é', null, 'latin1'], "file.append(Buffer.from(data, 'latin1'))"],
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
    [[{ buffer: target }], 'file.readInto(target, offset)'],
    [[target], 'file.readInto(target, offset)'],
    [[{ offset: 7, length: 5 }], 'file.read(7, 5)'],
    [[{ position: 7, length: 5 }], 'file.read(7, 5)'],
    [[{ position: 7n }], 'file.read(7n)'],
    [[null, null], 'file.read()'],
    [[null, 5], 'file.read(0, 5)'],
    [[7, 5, 'utf8'], "(await file.read(7, 5)).toString('utf8')"],
    [[7, 5, { encoding: 'hex' }], undefined],
    [['latin1'], "(await file.read()).toString('latin1')"],
    [[7, { signal: AbortSignal.timeout(1) }], 'file.read(7, undefined, options)'],
  ]) {
    if (!call) {
      await rejects(t, () => file.read(...args), VALUE)
      continue
    }
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

// Seen to fail: the errors named a type, and no call.
test('mmapRead() of an encoding, an object or a descriptor is refused with the right call', async t => {
  const path = seededFile(temporaryFolder(t), 1000, 1, 'x')
  const cwd = process.cwd()
  process.chdir(dirname(path))
  t.teardown(() => process.chdir(cwd))
  for (const [args, call] of [
    [['x', 'utf8'], "(await mmapRead('x')).toString('utf8')"],
    [['x', { encoding: 'utf8' }], "(await mmapRead('x')).toString('utf8')"],
    [['x', 7, 5, 'utf8'], "(await mmapRead('x', 7, 5)).toString('utf8')"],
    [['x', { offset: 7, length: 5 }], "mmapRead('x', 7, 5)"],
    [['x', { idle: 5 }], "mmapRead('x', 0, undefined, options)"],
    [['x', null], "mmapRead('x')"],
    [[5], 'await MappedFile.open(5)'],
    [[{}], 'Buffer, URL or FileHandle'],
  ]) {
    const error = await rejects(t, () => mmapRead(...args), TYPE)
    t.true(error.message.includes(call), error.message)
  }
  const error = await rejects(t, () => MappedFile.open({}), TYPE)
  t.regex(error.message, /number \(a descriptor\), or an instance of Buffer, URL or FileHandle/)
})

// Seen to fail: the call in the message had flags 'w+', which empty the file.
test('the permissions of fs.open() are refused with a call that has the flags of the caller', async t => {
  const path = seededFile(temporaryFolder(t), 1000, 1, 'x')
  for (const [flags, mode, call] of [
    ['r', 0o666, `, 'r')`],
    ['r+', 0o666, `, 'r+')`],
    ['a+', 0o600, `, { flags: 'a+', mode: 0o600 })`],
    ['w+', '600', `, { flags: 'w+', mode: '600' })`],
    [{ flags: 'ax+' }, 0o600, `, { ...options, mode: 0o600 })`],
    [undefined, 0o600, `, options)`],
  ]) {
    const { message } = await rejects(t, () => MappedFile.open(path, flags, mode), TYPE)
    t.true(message.includes(call), message)
    t.is(/w\+/.test(message), flags === 'w+', message)
  }
  t.is(fs.statSync(path).size, 1000)
})

test('a range that is an object is refused with the arguments that mean it', async t => {
  const file = await opened(t, seededFile(temporaryFolder(t), 1000))
  for (const method of ['view', 'prefault', 'residency', 'evict', 'lock', 'unlock', 'flush']) {
    for (const [range, call] of [
      [{ offset: 7, length: 5 }, '(7, 5)'],
      [{ position: 7n }, '(7n)'],
      [{ length: 5 }, '(0, 5)'],
    ]) {
      const { message } = await rejects(t, () => file[method](range), TYPE, method)
      t.true(message.endsWith(`. Pass the range as arguments: ${call}`), message)
    }
    t.notRegex((await rejects(t, () => file[method](new Date()), TYPE)).message, /arguments/)
  }
})

test('a range in place of options is refused with the options that mean it', async t => {
  const file = await opened(t, seededFile(temporaryFolder(t), 1000))
  const refused = { instanceOf: TypeError, code: TYPE.code }
  for (const [method, args, call] of [
    ['chunks', [7, 5], 'file.chunks({ start: 7, end: 12 /* excluded */ })'],
    ['chunks', [7n], 'file.chunks({ start: 7n })'],
    ['chunks', [{}, 5], 'file.chunks({ start, end })'],
    ['createReadStream', [7, 5], 'file.createReadStream({ start: 7, end: 11 /* included */ })'],
    ['readLines', [7, 5], 'file.readLines({ start: 7, end: 11 /* included */ })'],
  ]) {
    const { message } = t.throws(() => file[method](...args), refused)
    t.true(message.includes(call), message)
    t.regex(message, /The options are: start, end, .*signal$/)
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
    close: () => file.close({}, () => {}),
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

test('the signature in the error of a surplus argument is that of the method', async t => {
  const file = await opened(t, seededFile(temporaryFolder(t), 1000))
  const needed = { write: 'text', readInto: Buffer.alloc(1), tryReadInto: Buffer.alloc(1) }
  const names = Object.getOwnPropertyNames(MappedFile.prototype).filter(
    name => name !== 'constructor' && Object.getOwnPropertyDescriptor(MappedFile.prototype, name).value,
  )
  t.true(names.length > 25)
  for (const name of names) {
    const [, list] = /^(?:async )?\w+\((.*?)\) \{/.exec(MappedFile.prototype[name].toString())
    const parameters = list.split(',').map(parameter => parameter.split('=')[0].trim())
    const count = parameters[0] === '' ? 0 : parameters.length
    const args = [...Array(count).fill(undefined), {}]
    if (name in needed) args[0] = needed[name]
    const error = await rejects(t, async () => file[name](...args), TYPE, name)
    t.true(error.message.startsWith(`The arguments do not fit file.${name}(${parameters.join(', ')}).`), error.message)
  }
})

// Seen to fail: each was ignored.
test('an option that no method looks at is refused, with those that there are', async t => {
  const path = seededFile(temporaryFolder(t), 1000)
  const file = await opened(t, path)
  const target = Buffer.alloc(1)
  for (const [call, known] of [
    [() => MappedFile.open(path, { flag: 'r+' }), 'flags, mode, shared, wait, signal'],
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
    t.true(error.message.endsWith(known === 'chunkSize' ? 'signal' : known), error.message)
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
  const { O_RDWR, O_CREAT, O_APPEND } = fs.constants
  for (const [number, name] of [
    [O_RDWR, 'r+'],
    [O_RDWR | O_CREAT | O_APPEND, 'a+'],
  ]) {
    for (const options of [number, { flags: number }]) {
      const { message } = await rejects(t, () => MappedFile.open(path, options), TYPE)
      t.true(message.endsWith(`As a string: '${name}'`), message)
    }
  }
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

// Seen to fail: idle was a property of the function, without a check.
test('how long mmapRead keeps a file mapped is an option of the call', async t => {
  const path = seededFile(temporaryFolder(t), 1000)
  t.deepEqual(await mmapRead(path, 5, 5, { idle: 0 }), bytesBySync(path, 5, 5))
  t.false('idle' in mmapRead)
  for (const idle of ['x', -1, Number.NaN, null]) await rejects(t, () => mmapRead(path, 0, 1, { idle }), VALUE)
})

// Seen to fail: these methods did not exist.
test('stat() is that of node:fs', async t => {
  const path = seededFile(temporaryFolder(t), 1000)
  const file = await opened(t, path)
  const { atimeMs, ...expected } = fs.statSync(path)
  const { atimeMs: _, ...found } = await file.stat()
  t.true(atimeMs > 0)
  t.deepEqual({ ...found, atime: 0 }, { ...expected, atime: 0 })
  t.true((await file.stat()).isFile())
  t.is((await file.stat({ bigint: true })).size, 1000n)
  await rejects(t, () => file.stat({ bigint: 1 }), TYPE)
  await rejects(t, () => file.stat({ big: true }), VALUE)
  fs.unlinkSync(path)
  t.is((await file.stat()).nlink, 0, 'of the file that is open')
  await file.close()
  await rejects(t, () => file.stat(), { code: 'ERR_FILE_CLOSED' })
})

test('readLines() gives the lines', async t => {
  const path = join(temporaryFolder(t), 'lines')
  fs.writeFileSync(path, 'one\r\ntwo\n\nfour')
  const file = await opened(t, path)
  const lines = []
  for await (const line of file.readLines()) lines.push(line)
  t.deepEqual(lines, ['one', 'two', '', 'four'])
  const rest = []
  for await (const line of file.readLines({ start: 5, autoClose: true })) rest.push(line)
  t.deepEqual(rest, ['two', '', 'four'])
  t.throws(() => file.readLines({ lines: 5 }), { instanceOf: TypeError, code: VALUE.code })
})

test('readableWebStream() gives the bytes, to either kind of reader', async t => {
  const path = seededFile(temporaryFolder(t), MiB + 5)
  const file = await opened(t, path)
  const chunks = []
  for await (const chunk of file.readableWebStream()) chunks.push(chunk)
  t.true(Buffer.concat(chunks).equals(seededBytes(MiB + 5)))
  t.true(Buffer.from(await new Response(file.readableWebStream()).arrayBuffer()).equals(seededBytes(MiB + 5)))
  t.false(file.closed)

  const reader = file.readableWebStream({ autoClose: true }).getReader({ mode: 'byob' })
  const { value } = await reader.read(new Uint8Array(100))
  t.deepEqual(Buffer.from(value), seededBytes(100))
  await reader.cancel()
  t.true(file.closed)
  t.throws(() => file.readableWebStream(), { code: 'ERR_FILE_CLOSED' })
})

// Seen to fail: the option `as` did not exist, and was ignored.
test('view() returns a typed array, and refuses offsets and lengths that do not fit its elements', async t => {
  const path = seededFile(temporaryFolder(t), 8 * 1000 + 3)
  const file = await opened(t, path)
  const bytes = fs.readFileSync(path)
  const half = globalThis.Float16Array ? [globalThis.Float16Array] : []
  for (const as of [Uint8Array, Int16Array, Float32Array, Float64Array, BigUint64Array, ...half]) {
    const size = as.BYTES_PER_ELEMENT
    const view = await file.view(size * 3, size * 50, { as })
    t.is(view.constructor, as)
    t.is(view.length, 50)
    t.deepEqual(Buffer.from(view.buffer, view.byteOffset, view.byteLength), bytes.subarray(size * 3, size * 53))
    t.is((await file.view(undefined, undefined, { as })).length, Math.floor(bytes.length / size), 'whole elements')
    t.deepEqual(await file.view({ as }), await file.view(0, undefined, { as }))
    t.is((await file.view(size * 1_000_000, size, { as })).length, 0)
    if (size === 1) continue
    const error = await rejects(t, () => file.view(1, size, { as }), { type: RangeError, code: 'ERR_OUT_OF_RANGE' })
    t.true(error.message.includes(`a multiple of ${size}`) && error.message.includes(as.name), error.message)
    await rejects(t, () => file.view(0, size + 1, { as }), { type: RangeError, code: 'ERR_OUT_OF_RANGE' })
  }
  for (const as of ['Float32Array', Buffer, DataView, null]) await rejects(t, () => file.view(0, 8, { as }), TYPE)
  await rejects(t, () => file.view(0, 8, { as: Float32Array, copy: true }), VALUE)
  // A class that this Node does not have is undefined.
  await rejects(t, () => file.view(0, 8, { as: undefined }), TYPE)
  await rejects(t, () => file.view({ as: undefined }), TYPE)
  await rejects(t, () => file.view({ as: Float32Array }, 8), TYPE)
})

/** The functions of this file in an error's stack. */
const framesOf = error => error.stack.split('\n').filter(line => line.includes('fs-conventions.test'))

// Seen to fail: no error had a frame.
test('errors of the system have the stack of the caller', async t => {
  const path = seededFile(temporaryFolder(t), 3 * MiB)
  const file = await opened(t, path, 'r+')
  const reader = await opened(t, path)
  const far = { offset: 2 * MiB, length: 10 }
  fs.truncateSync(path, MiB)
  const calls = {
    open: () => MappedFile.open('/none/such'),
    mmapRead: () => mmapRead('/none/such'),
    read: () => file.read(far.offset, 10),
    'a long read': () => file.read(MiB, 2 * MiB),
    readInto: () => file.readInto(Buffer.alloc(10), far.offset),
    readMany: () => file.readMany([far]),
    readManyInto: () => file.readManyInto(Buffer.alloc(10), [far.offset], 10),
    view: () => file.view(far.offset, 10),
    slice: () => file.slice(far.offset, far.offset + 10),
    prefault: () => file.prefault(),
    lock: () => file.lock(MiB, MiB),
    flush: () => file.flush(),
    append: () => reader.append('x'),
    write: () => reader.write('x', 0),
    chunks: async () => {
      for await (const chunk of reader.chunks({ start: far.offset })) t.fail(`${chunk.length} bytes`)
    },
  }
  for (const [name, call] of Object.entries(calls)) {
    async function whoCalls() {
      await call()
    }
    const error = await whoCalls().then(
      () => t.fail(`${name} was not refused`),
      failure => failure,
    )
    t.true(
      framesOf(error).some(line => line.includes('whoCalls')),
      `${name}: ${error.stack}`,
    )
    t.true(error.stack.includes(error.message), name)
  }
})
