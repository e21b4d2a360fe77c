// All errors follow one model: always a code; errno, syscall and path for errors of the system; a message that names
// the file.

import { constants } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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

test('every error is an Error with a code, and its message names its cause', async t => {
  const path = seededFile(temporaryFolder(t), 100)
  const file = await MappedFile.open(path)
  const refusals = [
    [() => file.read('x'), TypeError, /offset/],
    [() => file.read(0, -1), RangeError, /length.*-1/s],
    [() => file.readInto('x'), TypeError, /target/],
    [() => MappedFile.open({}), TypeError, /path/],
    [
      () => mmapRead(temporaryFolder(t)),
      Error,
      /faultless-test-.*' is a directory, not a regular file; open one of its files$/,
    ],
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

// Seen to fail: the frames of the package came first.
test('the stack of an invalid argument begins at the line of the caller', async t => {
  const file = await MappedFile.open(seededFile(temporaryFolder(t), 100))
  const here = fileURLToPath(import.meta.url)
  const calls = {
    read: () => file.read('x'),
    'read of an object': () => file.read({ offset: 0 }),
    write: () => file.write([1], 0),
    mmapRead: () => mmapRead(5),
    open: () => MappedFile.open({}),
    'open of a missing file': () => MappedFile.open('missing'),
    'options of open': () => MappedFile.open(here, { flag: 'r' }),
  }
  for (const [name, call] of Object.entries(calls)) {
    // By catch(): nothing awaits the call, so its promise leads to no caller.
    const { stack, message } = await new Promise(resolve => call().catch(resolve))
    const [frame] = stack
      .slice(stack.indexOf(message) + message.length)
      .trim()
      .split('\n')
    t.true(frame.includes('errors.test.mjs'), `${name}: ${stack}`)
  }
  t.true(
    t
      .throws(() => file.tryRead('x'))
      .stack.split('\n    at ')[1]
      .includes('errors.test.mjs'),
  )
  await file.close()
})

test('close({ unmap: true }) after a plain close() says that the file was closed without it', async t => {
  const file = await MappedFile.open(seededFile(temporaryFolder(t), 100))
  await file.close()
  const error = await t.throwsAsync(file.close({ unmap: true }), { code: 'ERR_FILE_CLOSED' })
  t.regex(error.message, /closed without { unmap: true }/)
})

// Seen to fail: if memory cannot be allocated, the error of Node has no code on 22 and 24, and another code on 20.
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
