// A file that is cut while it is mapped: reads reject, views give zeros, the process lives.
// Without the guard the same program dies of SIGBUS, which the last test here shows. Seen to fail besides: without the look at
// the damage and at the file's size after each copy, the read across the middle of a page resolves, to zeros.

import test from 'ava'
import { runNode } from '../bench/harness/faults.mjs'
import { temporaryFolder } from './helpers/files.mjs'
import { program, programPath } from './helpers/rig.mjs'

const expected = {
  read: 'ERR_FILE_TRUNCATED',
  readInto: 'ERR_FILE_TRUNCATED',
  readMany: 'ERR_FILE_TRUNCATED',
  view: 'ERR_FILE_TRUNCATED',
  mmapRead: 'cut at the new end',
  kept: true,
  lost: true,
  stillWhole: true,
  rest: true,
  other: true,
  reopened: true,
}

for (const [where, pages] of [
  ['to nothing', 0],
  ['in the middle of a page', 10.5],
  ['at the boundary of a page', 10],
]) {
  test(`a file cut ${where}`, async t => {
    t.deepEqual(await program(t, 'cut-file', [temporaryFolder(t), pages]), expected)
  })
}

test('without the guard the same touch kills the process', async t => {
  const env = { FAULTLESS_SIGBUS: 'off' }
  const { signal } = await runNode(programPath('cut-file'), [temporaryFolder(t), 10], { env })
  t.is(signal, 'SIGBUS')
})
