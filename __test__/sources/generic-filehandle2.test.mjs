// A MappedFile as a filehandle of generic-filehandle2 answers what that package's LocalFile does.

import fs from 'node:fs'
import test from 'ava'
import { MappedFile } from 'faultless'
import { genericFilehandle } from 'faultless/sources'
import { LocalFile } from 'generic-filehandle2'
import { MiB, sameBytes, seededFile, temporaryFolder } from '../helpers/files.mjs'
import { untilReleased } from '../helpers/process.mjs'

const size = MiB + 17

test('read, readFile and stat answer as LocalFile does', async t => {
  const path = seededFile(temporaryFolder(t), size)
  const file = await MappedFile.open(path)
  const ours = genericFilehandle(file)
  const theirs = new LocalFile(path)
  for (const [length, position] of [
    [10],
    [0, 5],
    [100, 0],
    [65536, 4095],
    [10, size - 5],
    [10, size],
    [10, size + 100],
    [size, 0],
  ]) {
    const bytes = await ours.read(length, position)
    sameBytes(t, bytes, await theirs.read(length, position), `${length} at ${position}`)
    t.deepEqual([bytes.byteOffset, bytes.buffer.byteLength], [0, bytes.length])
  }
  t.true(Buffer.from(await ours.readFile()).equals(await theirs.readFile()))
  t.is((await ours.stat()).size, (await theirs.stat()).size)
  await ours.close()
  t.is((await ours.read(3, 0)).length, 3, 'who opened the file closes it')
  await file.close()
  await untilReleased(path)
})

test('readFile decodes', async t => {
  const path = `${temporaryFolder(t)}/text`
  fs.writeFileSync(path, 'chr1\t42\tµ\n')
  const file = await MappedFile.open(path)
  const ours = genericFilehandle(file)
  for (const options of ['utf8', 'latin1', 'hex', { encoding: 'utf8' }, { encoding: 'base64' }]) {
    t.is(await ours.readFile(options), await new LocalFile(path).readFile(options))
  }
  await file.close()
})

test('an unknown encoding rejects, also for an empty file', async t => {
  const folder = temporaryFolder(t)
  for (const path of [seededFile(folder, size), seededFile(folder, 0, 2)]) {
    const file = await MappedFile.open(path)
    for (const options of ['bogus', { encoding: 'bogus' }]) {
      const refused = { instanceOf: TypeError, code: 'ERR_INVALID_ARG_VALUE', message: /encoding.*'bogus'/ }
      await t.throwsAsync(genericFilehandle(file).readFile(options), refused)
      await t.throwsAsync(new LocalFile(path).readFile(options), { code: 'ERR_INVALID_ARG_VALUE' })
    }
    await file.close()
  }
})

test('an aborted signal, a negative position, a cut file and a closed handle reject', async t => {
  const path = seededFile(temporaryFolder(t), size)
  const file = await MappedFile.open(path)
  const ours = genericFilehandle(file)
  const reason = new Error('scrolled on')
  const options = { signal: AbortSignal.abort(reason) }
  t.is(await t.throwsAsync(ours.read(10, 0, options)), reason)
  t.is(await t.throwsAsync(ours.readFile(options)), reason)
  await t.throwsAsync(ours.read(10, -10), { code: 'ERR_OUT_OF_RANGE' })
  fs.truncateSync(path, 100)
  await t.throwsAsync(ours.read(10, size - 10), { code: 'ERR_FILE_TRUNCATED' })
  await file.close()
  await t.throwsAsync(ours.read(10, 0), { code: 'ERR_FILE_CLOSED' })
  await t.throwsAsync(ours.readFile(), { code: 'ERR_FILE_CLOSED' })
  await untilReleased(path)
})
