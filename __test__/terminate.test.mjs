// After workers are terminated with reads in flight, the process still reads. Not seen to fail: see lifetimes.test.mjs.

import test from 'ava'
import { MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
import { program } from './helpers/rig.mjs'

test('12 workers terminated at random moments with reads in flight', async t => {
  const path = seededFile(temporaryFolder(t), 16 * MiB)
  t.deepEqual(await program(t, 'life-terminate', [path, 'busy-worker', 12]), {
    terminated: 12,
    right: true,
    released: true,
  })
})
