// The memory of results belongs to V8: minor collections free it, and short results do not overwrite one another.

import { MessageChannel } from 'node:worker_threads'
import test from 'ava'
import { MappedFile } from 'faultless'
import { bytesBySync, KiB, MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
import { program } from './helpers/rig.mjs'

// Seen to fail with results in external memory: one full collection for each 64 MiB, 16 for each method.
test('reading a GiB of results makes V8 collect the whole heap hardly ever', async t => {
  const folder = temporaryFolder(t)
  const paths = [seededFile(folder, 16 * MiB), seededFile(folder, MiB, 2)]
  const { 'node:fs': usual, ...found } = await program(t, 'full-collections', paths)
  t.deepEqual(Object.keys(found), ['read', 'readMany', 'mmapRead', 'mmapRead, whole'])
  for (const [way, full] of Object.entries(found)) {
    // V8 13.6 (Node 24) collects the whole heap for its own memory as often.
    t.true(full < 8 || full <= 1.5 * usual, `${way}: ${full} full collections, by node:fs ${usual}`)
  }
})

test('a short result that is transferred does not take the bytes of others away', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  const file = await MappedFile.open(path)
  const { port1, port2 } = new MessageChannel()
  for (const some of [
    [await file.read(0, KiB), await file.read(KiB, KiB)],
    await file.readMany([
      { offset: 0, length: KiB },
      { offset: KiB, length: KiB },
    ]),
  ]) {
    t.is(some[0].buffer, some[1].buffer)
    try {
      port1.postMessage(some[0], [some[0].buffer])
    } catch (error) {
      t.is(error.name, 'DataCloneError')
    }
    t.deepEqual(some[1], bytesBySync(path, KiB, KiB))
  }
  port1.close()
  port2.close()
  await file.close()
})
