// A file that is truncated while it is read, viewed, hashed, compressed or sent: no crash, and no zeros in place of
// data.
//
// Without the guard each of these that touches lost pages dies of SIGBUS: the last test runs them so. Also seen to
// fail: without the check for damage and for the file size after each copy, the workers get zeros as data; with one
// replacement mapping per page, the strided touch dies when the process can have no more mappings.

import test from 'ava'
import { runNode } from './helpers/fault-rig.mjs'
import { MiB, PAGE, temporaryFolder } from './helpers/files.mjs'
import { program, programPath } from './helpers/rig.mjs'

const CODE = 'ERR_FILE_TRUNCATED'
const CUTS = { 'to nothing': 0, 'in the middle of a page': 5 * MiB + 777, 'at the boundary of a page': 5 * MiB }
const common = { bystander: true, again: true }

for (const [where, left] of Object.entries(CUTS)) {
  const run = (t, way) => program(t, 'cut-under-use', [way, temporaryFolder(t), left])

  test(`reads in flight while the file is truncated ${where}`, async t => {
    t.deepEqual(await run(t, 'reads'), { wrong: 0, after: [CODE], rest: true, ...common })
  })

  test(`a view that is digested, deflated, copied and written to while the file is cut ${where}`, async t => {
    t.deepEqual(await run(t, 'view'), { digest: true, deflate: true, copy: true, written: 1, ...common })
  })

  test(`a view that a socket sends while the file is cut ${where}`, async t => {
    t.deepEqual(await run(t, 'socket'), { outcomes: [true, true], ...common })
  })

  test(`chunks() in progress while the file is truncated ${where}`, async t => {
    t.deepEqual(await run(t, 'chunks'), { code: CODE, wrong: 0, early: true, ...common })
  })

  test(`4 workers that read while the file is cut ${where}`, async t => {
    t.deepEqual(await run(t, 'workers'), { wrong: [], truncated: true, right: true, ...common })
  })

  test(`a file cut ${where} and grown again with other bytes`, async t => {
    const expected = { lost: 0, refused: CODE, length: 16 * MiB, fresh: true, oldView: true, ...common }
    t.deepEqual(await run(t, 'grown'), expected)
  })
}

test('100,000 lost pages, touched with gaps, take no mapping each', async t => {
  for (const left of [0, 100 * PAGE]) {
    const result = await program(t, 'cut-under-use', ['strided', temporaryFolder(t), left])
    t.deepEqual(result, { sum: 0, few: true, ...common })
  }
})

test('without the guard the same touches kill the process', async t => {
  const env = { FAULTLESS_SIGBUS: 'off' }
  for (const way of ['view', 'grown', 'strided']) {
    const { signal } = await runNode(programPath('cut-under-use'), [way, temporaryFolder(t), 0], { env })
    t.is(signal, 'SIGBUS', way)
  }
})
