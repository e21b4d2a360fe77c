// Invalid arguments are refused with the class and code that node:fs would use, and nothing is leaked.

import fs from 'node:fs'
import { inspect } from 'node:util'
import test from 'ava'
import { MappedFile, mmapRead } from 'faultless'
import { MiB, PAGE, seededBytes, seededFile, temporaryFolder } from './helpers/files.mjs'
import { mappingsOf } from './helpers/process.mjs'
import { rejects } from './helpers/rejects.mjs'
import { program } from './helpers/rig.mjs'

const TYPE = { type: TypeError, code: 'ERR_INVALID_ARG_TYPE' }
const refusal = { instanceOf: TypeError, code: TYPE.code }
const RANGE = { type: RangeError, code: 'ERR_OUT_OF_RANGE' }

const wrongTypes = ['1', '', {}, [], [1], null, true, Symbol('offset'), () => 1, { valueOf: () => 1 }, new Date(1)]
const wrongNumbers = [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53, 1e300]
const wrongBigints = [-1n, 2n ** 53n, 2n ** 64n, -(2n ** 64n)]

const path = seededFile(temporaryFolder(), 10 * PAGE)
const target = Buffer.alloc(PAGE)

const byOffset = {
  read: (file, offset) => file.read(offset, 1),
  readInto: (file, offset) => file.readInto(target, offset),
  readMany: (file, offset) => file.readMany([{ offset, length: 1 }]),
  view: (file, offset) => file.view(offset, 1),
  prefault: (file, offset) => file.prefault(offset, 1),
  residency: (file, offset) => file.residency(offset, 1),
  mmapRead: (_, offset) => mmapRead(path, offset, 1),
}

const byLength = {
  read: (file, length) => file.read(0, length),
  readMany: (file, length) => file.readMany([{ offset: 0, length }]),
  readManyInto: (file, length) => file.readManyInto(target, [0], length),
  view: (file, length) => file.view(0, length),
  prefault: (file, length) => file.prefault(0, length),
  residency: (file, length) => file.residency(0, length),
  mmapRead: (_, length) => mmapRead(path, 0, length),
}

const tries = {
  tryRead: (file, offset) => file.tryRead(offset, 1),
  tryReadInto: (file, offset) => file.tryReadInto(target, offset),
  tryView: (file, offset) => file.tryView(offset, 1),
}

const tryLengths = {
  tryRead: (file, length) => file.tryRead(0, length),
  tryView: (file, length) => file.tryView(0, length),
}

async function opened(t) {
  const file = await MappedFile.open(path)
  t.teardown(() => file.close())
  return file
}

for (const [argument, calls, values] of [
  ['offset', byOffset, [...wrongNumbers, ...wrongBigints]],
  ['length', byLength, wrongNumbers],
]) {
  for (const [method, call] of Object.entries(calls)) {
    test(`${method} rejects when the ${argument} is of the wrong type or out of range`, async t => {
      const file = await opened(t)
      for (const value of wrongTypes) await rejects(t, () => call(file, value), TYPE, inspect(value))
      for (const value of values) await rejects(t, () => call(file, value), RANGE, inspect(value))
    })
  }
}

for (const [argument, calls, values] of [
  ['offset', tries, [...wrongNumbers, ...wrongBigints]],
  ['length', tryLengths, wrongNumbers],
]) {
  for (const [method, call] of Object.entries(calls)) {
    test(`${method} throws when the ${argument} is of the wrong type or out of range`, async t => {
      const file = await opened(t)
      for (const value of wrongTypes) {
        t.throws(() => call(file, value), refusal, inspect(value))
      }
      for (const value of values) {
        t.throws(() => call(file, value), { instanceOf: RangeError, code: RANGE.code }, inspect(value))
      }
    })
  }
}

test('minus zero is an offset and a length', async t => {
  const file = await opened(t)
  t.deepEqual(await file.read(-0, 5), await file.read(0, 5))
  t.is((await file.read(0, -0)).length, 0)
})

test('a target that is not an ArrayBufferView is refused', async t => {
  const file = await opened(t)
  for (const wrong of [undefined, null, 5, 'target', {}, [1, 2], new ArrayBuffer(8)]) {
    await rejects(t, () => file.readInto(wrong), TYPE, inspect(wrong))
    await rejects(t, () => file.readManyInto(wrong, [0], 1), TYPE, inspect(wrong))
    t.throws(() => file.tryReadInto(wrong, 0), refusal, inspect(wrong))
  }
})

test('every kind of ArrayBufferView is a target', async t => {
  const file = await opened(t)
  const expected = await file.read(3, 16)
  for (const View of [Uint8Array, Int16Array, Float64Array, BigInt64Array, DataView]) {
    const around = new ArrayBuffer(48)
    const view = new View(around, 8, 16 / (View.BYTES_PER_ELEMENT ?? 1))
    t.is(await file.readInto(view, 3), 16)
    t.deepEqual(Buffer.from(around, 8, 16), expected, View.name)
    t.deepEqual(Buffer.from(around, 0, 8), Buffer.alloc(8), 'nothing before it')
    t.deepEqual(Buffer.from(around, 24), Buffer.alloc(24), 'nothing behind it')
  }
})

test('invalid ranges are refused, and the error names the range', async t => {
  const file = await opened(t)
  for (const wrong of [undefined, null, 5, 'ranges', {}]) {
    await rejects(t, () => file.readMany(wrong), TYPE, inspect(wrong))
    await rejects(t, () => file.readManySettled(wrong), TYPE, inspect(wrong))
  }
  const good = { offset: 0, length: 1 }
  for (const wrong of [null, undefined, 5, 'range']) {
    const error = await rejects(t, () => file.readMany([good, wrong]), TYPE, inspect(wrong))
    t.is(error.index, 1)
  }
  const error = await rejects(t, () => file.readMany([good, good, { offset: -1, length: 1 }, good]), RANGE)
  t.is(error.index, 2)
  t.regex(error.message, /"ranges\[2\]\.offset"/)
  // Seen to fail: the message had neither the index nor the misspelt property.
  for (const [wrong, message] of [
    [
      { offset: 1, lenght: 5 },
      /"ranges\[1\]" argument must be { offset, length }, but its properties are: offset, lenght\./,
    ],
    [{ position: 1, length: 5 }, /its properties are: position, length\. .*Write { offset: 1, length: 5 }$/],
    [[1, 5], /"ranges\[1\]".*it is an array\. .*Write { offset: 1, length: 5 }$/],
    [{}, /its properties are: none\./],
    [{ offset: 1, length: '5' }, /"ranges\[1\]\.length" argument must be of type number/],
  ]) {
    t.regex((await rejects(t, () => file.readMany([good, wrong]), TYPE)).message, message)
  }
})

// Seen to fail: with a check that read a property, and then read it again.
test('the properties of a range are read once: a getter may have another value the next time', async t => {
  const file = await MappedFile.open(path)
  for (const name of ['offset', 'length']) {
    const values = [10, -PAGE]
    const range = Object.defineProperty({ offset: 5, length: 10 }, name, { get: () => values.shift() })
    const expected = seededBytes(10 * PAGE).subarray(name === 'offset' ? 10 : 5)
    t.deepEqual(await file.readMany([range]), [expected.subarray(0, 10)], name)
    t.deepEqual(values, [-PAGE], name)
  }
  await file.close()
})

test('readManyInto refuses invalid offsets, and the error names the offset', async t => {
  const file = await opened(t)
  for (const wrong of [undefined, null, 5, 'offsets', {}]) {
    await rejects(t, () => file.readManyInto(target, wrong, 1), TYPE, inspect(wrong))
  }
  for (const [offsets, expected] of [
    [[0, -1], RANGE],
    [[0, '1'], TYPE],
    [Float64Array.of(0, Number.NaN), RANGE],
    [Float64Array.of(0, 1.5), RANGE],
    [BigUint64Array.of(0n, 2n ** 63n), RANGE],
  ]) {
    const error = await rejects(t, () => file.readManyInto(target, offsets, 1), expected, inspect(offsets))
    t.regex(error.message, /offsets\[1\]/, inspect(offsets))
  }
})

test('a target too small for all the records is refused by readManyInto, and left as it was', async t => {
  const file = await opened(t)
  const small = Buffer.alloc(15, 7)
  await rejects(t, () => file.readManyInto(small, [0, 8], 8), RANGE)
  t.deepEqual(small, Buffer.alloc(15, 7))
})

test('chunks refuses an invalid start, end or size', async t => {
  const file = await opened(t)
  const collect = async options => {
    for await (const chunk of file.chunks(options)) t.truthy(chunk)
  }
  for (const name of ['start', 'end', 'chunkSize', 'readAhead']) {
    for (const value of ['1', {}, true]) {
      await rejects(t, () => collect({ [name]: value }), TYPE, `${name} ${inspect(value)}`)
    }
    for (const value of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      await rejects(t, () => collect({ [name]: value }), RANGE, `${name} ${inspect(value)}`)
    }
  }
  await rejects(t, () => collect({ chunkSize: 0 }), RANGE, 'chunkSize 0')
})

test('slice refuses positions that are not integers', async t => {
  const file = await opened(t)
  for (const value of ['1', {}, null, Symbol('start')]) {
    await rejects(t, () => file.slice(value), TYPE, inspect(value))
    await rejects(t, () => file.slice(0, value), TYPE, inspect(value))
  }
  for (const value of [1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    await rejects(t, () => file.slice(value), RANGE, inspect(value))
    await rejects(t, () => file.slice(0, value), RANGE, inspect(value))
  }
})

test('an invalid path is refused', async t => {
  for (const open of [source => MappedFile.open(source), source => mmapRead(source)]) {
    for (const source of [undefined, null, {}, [], true, Symbol('path')]) {
      await rejects(t, () => open(source), TYPE, inspect(source))
    }
    for (const source of ['nul\0inside', new URL('http://example.com/file')]) {
      const error = await t.throwsAsync(() => open(source), { instanceOf: TypeError }, inspect(source))
      t.is(typeof error.code, 'string')
    }
  }
})

test('an empty path gives ENOENT', async t => {
  for (const open of [source => MappedFile.open(source), source => mmapRead(source)]) {
    await rejects(t, () => open(''), { code: 'ENOENT' })
    await rejects(t, () => open(Buffer.alloc(0)), { code: 'ENOENT' })
  }
})

test('an invalid signal is refused', async t => {
  const file = await opened(t)
  for (const signal of ['signal', 5, {}, null]) {
    for (const call of [
      () => MappedFile.open(path, { signal }),
      () => file.read(0, 1, { signal }),
      () => file.readInto(target, 0, { signal }),
      () => file.readMany([], { signal }),
      () => file.view(0, 1, { signal }),
      () => mmapRead(path, 0, 1, { signal }),
    ]) {
      await rejects(t, call, TYPE, inspect(signal))
    }
  }
})

test('createReadStream throws for invalid options and signals, before it creates a stream', async t => {
  const file = await opened(t)
  for (const wrong of [5, true]) t.throws(() => file.createReadStream(wrong), refusal, inspect(wrong))
  for (const signal of ['signal', 5, {}, null]) {
    t.throws(() => file.createReadStream({ signal }), refusal, inspect(signal))
  }
})

// Seen to fail: if options are read as plain properties, all of it; if the source is, another file is opened.
test('properties of Object.prototype are not options', async t => {
  const report = await program(t, 'polluted', [seededFile(temporaryFolder(t), 2 * MiB)])
  t.true(Object.keys(report).length >= 26)
  for (const [what, found] of Object.entries(report)) {
    t.regex(found, what.startsWith('open') ? /seeded-1,r,r$/ : /^true,r$/, what)
  }
})

test('values that cannot be described are refused as well', async t => {
  const file = await opened(t)
  const silent = new Proxy(
    {},
    {
      get() {
        throw new Error('asked')
      },
    },
  )
  const nameless = { constructor: { name: Symbol('no text') } }
  const unspeakable = Object.defineProperty(() => 1, 'name', { value: Symbol('no text') })
  for (const [index, value] of [silent, nameless, unspeakable].entries()) {
    await rejects(t, () => file.read(value), TYPE, `value ${index}`)
    await rejects(t, () => file.readInto(value), TYPE, `value ${index}`)
  }
})

test('a MappedFile cannot be constructed, and the error names the call', t => {
  const { message } = t.throws(() => new MappedFile('x'), { instanceOf: TypeError, code: 'ERR_ILLEGAL_CONSTRUCTOR' })
  t.regex(message, /await MappedFile\.open\(path\)/)
})

test('the data to write is a string or memory, and memory that is not a view is to be wrapped', async t => {
  const file = await MappedFile.open(seededFile(temporaryFolder(t), 10), 'r+')
  for (const call of [data => file.write(data, 0), data => file.append(data)]) {
    t.regex((await rejects(t, () => call([1]), TYPE)).message, /of type string or an instance of Buffer, TypedArray/)
    t.regex((await rejects(t, () => call(new ArrayBuffer(8)), TYPE)).message, /new Uint8Array\(buffer\)$/)
  }
  t.deepEqual(await file.read(), seededBytes(10))
  await file.close()
})

// Every method and getter is found by reflection, so that later ones are tested too.
const members = Reflect.ownKeys(MappedFile.prototype).filter(name => name !== 'constructor')
const THROWS = new Set([
  'tryRead',
  'tryReadInto',
  'tryView',
  'chunks',
  'createReadStream',
  'readLines',
  'readableWebStream',
  'follow',
  'followLines',
])

// Seen to fail: the language refuses a private name with a TypeError that has no code.
test('methods and getters of anything but a handle are refused as ERR_INVALID_THIS', async t => {
  const file = await opened(t)
  const expected = { instanceOf: TypeError, code: 'ERR_INVALID_THIS' }
  const others = [undefined, null, 5, 'file', {}, Object.create(file), new Proxy(file, {}), MappedFile.prototype]
  t.true(members.includes('read') && members.includes('closed') && members.includes(Symbol.asyncDispose))
  for (const name of members) {
    const { value, get } = Object.getOwnPropertyDescriptor(MappedFile.prototype, name)
    for (const [index, other] of others.entries()) {
      const what = `${String(name)} of ${index}`
      // The arguments are valid, so that only the receiver is wrong.
      const args =
        name === 'advise'
          ? ['normal']
          : name === 'readManyInto'
            ? [target, [0], 1]
            : /Into$|^write$/.test(String(name))
              ? [target, 0]
              : []
      if (get) t.throws(() => get.call(other), expected, what)
      else if (THROWS.has(name)) t.throws(() => value.call(other, ...args), expected, what)
      else await rejects(t, () => value.call(other, ...args), { type: TypeError, code: expected.code }, what)
    }
  }
  const { read } = file
  const error = await t.throwsAsync(() => read(0, 1))
  t.is(error.message, 'Value of "this" must be of type MappedFile. Received undefined')
})

test.serial('a thousand refusals leak neither mappings nor descriptors', async t => {
  const folder = temporaryFolder(t)
  const file = await MappedFile.open(path)
  const held = () => [mappingsOf(path).length, mappingsOf(folder).length, fs.readdirSync('/proc/self/fd').length]
  const refuse = async times => {
    for (let index = 0; index < times; index++) {
      await Promise.all([
        ...Object.values(byOffset).map(call => t.throwsAsync(call(file, -1))),
        ...Object.values(byLength).map(call => t.throwsAsync(call(file, 'x'))),
        t.throwsAsync(MappedFile.open(folder)),
        t.throwsAsync(MappedFile.open(`${folder}/missing`)),
        t.throwsAsync(mmapRead(folder)),
      ])
    }
  }
  await refuse(10)
  const before = held()
  await refuse(60)
  t.deepEqual(held(), before)
  await file.close()
})
