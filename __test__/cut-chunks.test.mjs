// chunks() of a file that is truncated: the loop never ends quietly, and no chunk is handed out with zeros for bytes.
//
// Seen to fail: without the check before each step, the loop went on with zeros; without the one after each chunk, it
// ended quietly where the last chunk was in use; without the guard's record, where the file had grown again.

import fs from 'node:fs'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import test from 'ava'
import { capabilities, MappedFile } from 'faultless'
import { KiB, MiB, seededBytes, seededFile, temporaryFolder } from './helpers/files.mjs'

const CODE = 'ERR_FILE_TRUNCATED'
const CHUNK = 256 * KiB
const KINDS = [{}, ...(capabilities().sharedViews ? [{ shared: true }] : [])]
const MODES = ['r', 'r+']

async function opened(t, size, flags) {
  const path = seededFile(temporaryFolder(t), size)
  const file = await MappedFile.open(path, flags)
  t.teardown(() => file.close())
  return { path, file, bytes: seededBytes(size) }
}

/** Reads all chunks; calls `act` with each one and its number. The error of the loop, and how many chunks were right. */
async function readAll(chunks, bytes, act) {
  let [position, count] = [0, 0]
  const wrong = []
  try {
    for await (const chunk of chunks) {
      if (!chunk.equals(bytes.subarray(position, position + chunk.length))) wrong.push(position)
      position += chunk.length
      await act(count, chunk)
      count += 1
    }
  } catch (error) {
    return { error, count, wrong }
  }
  return { count, wrong }
}

for (const options of KINDS) {
  for (const flags of MODES) {
    const how = `${JSON.stringify(options)}, flags '${flags}'`
    const start = file => file.chunks({ ...options, chunkSize: CHUNK })

    test(`a file emptied while its first chunk is in use: ${how}`, async t => {
      const { path, file, bytes } = await opened(t, 6 * MiB, flags)
      const { error, count } = await readAll(start(file), bytes, index => index === 0 && fs.truncateSync(path))
      t.is(error?.code, CODE)
      t.is(count, 1)
      t.deepEqual([error.path, error.offset, error.length], [path, 0, CHUNK])
      t.regex(error.message, /refresh\(\)/)
    })

    test(`a file emptied while its last chunk is in use: ${how}`, async t => {
      const { path, file, bytes } = await opened(t, 4 * CHUNK - 5, flags)
      const { error, count } = await readAll(start(file), bytes, index => index === 3 && fs.truncateSync(path, 5))
      t.is(error?.code, CODE)
      t.is(count, 4)
      t.deepEqual([error.offset, error.length], [3 * CHUNK, CHUNK - 5])
    })

    test(`a file truncated ahead of the chunk in use ends at the first chunk that it lacks: ${how}`, async t => {
      const { path, file, bytes } = await opened(t, 16 * CHUNK, flags)
      const left = 5 * CHUNK + 10
      const { error, count, wrong } = await readAll(
        start(file),
        bytes,
        index => index === 1 && fs.truncateSync(path, left),
      )
      t.deepEqual(wrong, [])
      t.is(count, 5)
      t.is(error?.code, CODE)
      t.is(error.offset, 5 * CHUNK)
    })

    test(`a truncation that this process has noticed ends no loop quietly: ${how}`, async t => {
      const { path, file, bytes } = await opened(t, 16 * CHUNK, flags)
      const writer = await MappedFile.open(path, 'r+')
      for (const left of [3 * CHUNK, 0]) {
        await writer.truncate(0)
        await writer.write(bytes, 0)
        const { error, wrong } = await readAll(start(file), bytes, index => index === 2 && writer.truncate(left))
        t.deepEqual(wrong, [])
        t.is(error?.code, CODE, `${left}`)
      }
      await writer.close()
    })

    test(`a file that was truncated and written again while a chunk was in use: ${how}`, async t => {
      const { path, file, bytes } = await opened(t, 8 * CHUNK, flags)
      const { error, count } = await readAll(start(file), bytes, (index, chunk) => {
        if (index !== 2) return
        fs.truncateSync(path)
        t.is(chunk[CHUNK - 1], 0)
        fs.writeFileSync(path, bytes)
      })
      t.is(error?.code, CODE)
      t.is(count, 3)
      t.deepEqual([error.path, error.offset, error.length], [path, 2 * CHUNK, CHUNK])
    })

    test(`chunks ahead that were lost meanwhile are made again: ${how}`, async t => {
      const { path, file, bytes } = await opened(t, 8 * CHUNK, flags)
      const last = await file.view(7 * CHUNK, CHUNK)
      const { error, count, wrong } = await readAll(start(file), bytes, index => {
        if (index !== 2) return
        fs.truncateSync(path, 5 * CHUNK)
        // The guard replaces all pages from here to the end.
        t.is(last[0], 0)
        fs.writeFileSync(path, bytes)
      })
      if (flags === 'r') {
        t.is(error, undefined)
        t.is(count, 8)
      } else {
        // The mapping stays as it is, so that the lost stores do not go unnoticed.
        t.is(error?.code, CODE)
        t.is(count, 7)
      }
      t.deepEqual(wrong, [])
    })
  }
}

test('a pipeline of chunks fails where the file is emptied', async t => {
  const { path, file } = await opened(t, 6 * MiB, 'r')
  const slow = new Writable({
    highWaterMark: 1,
    write(_chunk, _, callback) {
      fs.truncateSync(path)
      setImmediate(callback)
    },
  })
  const error = await t.throwsAsync(pipeline(Readable.from(file.chunks()), slow))
  t.is(error.code, CODE)
})

test('a loop that closes the file at its last chunk ends without an error', async t => {
  const { file, bytes } = await opened(t, 4 * CHUNK, 'r')
  const { error, count } = await readAll(
    file.chunks({ chunkSize: CHUNK }),
    bytes,
    async index => index === 3 && file.close(),
  )
  t.is(error, undefined)
  t.is(count, 4)
})
