// A file that is truncated while it is mapped: reads reject, views read zeros, the process survives.
//
// Without the guard the same program dies of SIGBUS, which the last test shows. Also seen to fail: without the check
// for damage and for the file size after each copy, the read across the middle of a page resolves to zeros.

import { join } from 'node:path'
import test from 'ava'
import { loopDisk, runNode } from './helpers/fault-rig.mjs'
import { MiB, temporaryFolder } from './helpers/files.mjs'
import { needs, program, programPath } from './helpers/rig.mjs'

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

// Seen to fail: if short ranges are copied from the mapping without the guard, the first one kills the process.
for (const [fileSystem, size] of [
  ['ext4', 64 * MiB],
  ['xfs', 320 * MiB],
]) {
  needs('loopDevices', ...(fileSystem === 'xfs' ? ['xfs'] : []))(
    `without the guard a copy past a cut end kills nothing, on ${fileSystem}`,
    async t => {
      const disk = loopDisk({ size, fileSystem })
      t.teardown(disk.dispose)
      const env = { FAULTLESS_SIGBUS: 'off' }
      const report = await program(t, 'cut-without-guard', [join(disk.mountPoint, 'file')], { env })
      t.is(Object.keys(report).length, 6 * 5 * 3)
      for (const [what, outcome] of Object.entries(report)) {
        const isRefused = outcome === 'ERR_FILE_TRUNCATED' || (what.startsWith('try') && outcome === 'undefined')
        t.true(isRefused, `${what}: ${outcome}`)
      }
    },
  )
}

test('without the guard the same touch kills the process', async t => {
  const env = { FAULTLESS_SIGBUS: 'off' }
  const { signal } = await runNode(programPath('cut-file'), [temporaryFolder(t), 10], { env })
  t.is(signal, 'SIGBUS')
})
