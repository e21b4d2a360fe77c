// Workers terminated with reads in flight leave a process that goes on reading. Not seen to fail: see lifetimes.test.mjs.

import test from 'ava'
import { MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
import { program } from './helpers/rig.mjs'

test('10 workers terminated at random moments with reads in flight', async t => {
  const path = seededFile(temporaryFolder(t), 16 * MiB)
  t.deepEqual(await program(t, 'terminate', [path, 10]), { terminated: 10, right: true, released: true })
})
