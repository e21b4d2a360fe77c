// All errors follow one model: always a code; errno, syscall and path for errors of the system; a message that names
// the file.

import { constants } from 'node:os'
import { join } from 'node:path'
import { getSystemErrorName } from 'node:util'
import test from 'ava'
import { MappedFile, mmapRead } from 'faultless'
import { seededFile, sparseFile, TiB, temporaryFolder } from './helpers/files.mjs'
import { rejects } from './helpers/rejects.mjs'

test('a system error is like one of node:fs', async t => {
  const path = join(temporaryFolder(t), 'missing')
  const error = await t.throwsAsync(MappedFile.open(path))
  t.is(error.code, 'ENOENT')
  t.is(error.errno, -constants.errno.ENOENT)
  t.is(getSystemErrorName(error.errno), error.code)
  t.is(error.syscall, 'open')
  t.is(error.path, path)
  t.regex(error.message, /^ENOENT: no such file or directory, open '.*missing'/)
  t.true(error.stack.includes(error.message))
})

test('every error is an Error with a code, and its message says what to do it about', async t => {
  const path = seededFile(temporaryFolder(t), 100)
  const file = await MappedFile.open(path)
  const refusals = [
    [() => file.read('x'), TypeError, /offset/],
    [() => file.read(0, -1), RangeError, /length.*-1/s],
    [() => file.readInto('x'), TypeError, /target/],
    [() => MappedFile.open({}), TypeError, /path/],
    [() => mmapRead(temporaryFolder(t)), Error, /faultless-test-.*director/s],
  ]
  for (const [call, type, message] of refusals) {
    const error = await t.throwsAsync(call, { instanceOf: type, message })
    t.regex(error.code, /^ERR_[A-Z_]+$/)
    t.false('errno' in error && error.errno !== undefined, 'no errno: the system was not asked')
  }
  await file.close()
  const error = await t.throwsAsync(file.read())
  t.is(error.code, 'ERR_FILE_CLOSED')
  t.true(error.message.includes(path))
})

// Seen to fail: what Node throws where memory cannot be had has no code on 22 and 24, and one of its own on 20.
test('a result that fits no memory is refused with the documented code, on every line of Node', async t => {
  const path = sparseFile(temporaryFolder(t), TiB)
  const file = await MappedFile.open(path)
  const expected = { type: RangeError, code: 'ERR_OUT_OF_RANGE' }
  for (const [name, call] of Object.entries({
    read: () => file.read(),
    'a read that can be aborted': () => file.read(0, TiB - 5, { signal: new AbortController().signal }),
    slice: () => file.slice(0),
    readMany: () => file.readMany([{ offset: 0, length: TiB }]),
    mmapRead: () => mmapRead(path),
    'mmapRead of a part': () => mmapRead(path, 5, TiB - 5),
  })) {
    await rejects(t, call, expected, name)
  }
  t.throws(() => file.tryRead(0, TiB), { instanceOf: RangeError, code: expected.code })
  t.is((await file.read(5, 10)).length, 10, 'the handle goes on')
  await file.close()
})
