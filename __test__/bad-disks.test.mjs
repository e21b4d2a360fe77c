// A disk that fails in places: reads there reject with EIO and their range, all others succeed.
//
// Seen without the protection: with FAULTLESS_SIGBUS=off, touching a bad page kills the process.

import { badDisk } from './helpers/bad-disk.mjs'
import { runNode } from './helpers/fault-rig.mjs'
import { MiB } from './helpers/files.mjs'
import { needs, program, programPath } from './helpers/rig.mjs'

const DISK = { size: 16 * MiB, lost: 4 * MiB }
const WITH_RANGE = 'EIO with its range'

function everyone(...names) {
  return Object.fromEntries(names.map(name => [name, WITH_RANGE]))
}

const LONG = [
  'read',
  'read that can be aborted',
  'readMany',
  'view',
  'chunks',
  'slice',
  'createReadStream',
  'lock',
  'prefault',
  'mmapRead',
]

const EXPECTED = {
  direct: 'EIO',
  short: everyone(...LONG, 'readInto', 'readManyInto'),
  long: everyone(...LONG),
  attempts: ['undefined', 'undefined', 'undefined'],
  batch: { rejected: ['617 EIO 5'], right: true, views: ['50 EIO'], viewsRight: true },
  index: 1,
  gathered: 'EIO',
  later: true,
  touched: 0,
}

for (const [populate, env] of [
  ['', {}],
  [', also where pages are touched for want of MADV_POPULATE_READ', { FAULTLESS_POPULATE: 'touch' }],
]) {
  needs('loopDevices')(
    `every method rejects with EIO and the range, and good ranges are read on${populate}`,
    async t => {
      const { path, good } = badDisk(t, DISK)
      t.deepEqual(await program(t, 'bad-disk', [path, good], { env }), EXPECTED)
    },
  )
}

for (const readAheadKiB of [128, 8192]) {
  needs('loopDevices')(
    `chunks come up to the first that is bad, on a disk with ${readAheadKiB} KiB of read-ahead`,
    async t => {
      const { path } = badDisk(t, { ...DISK, readAheadKiB })
      const { right, code, start, bad } = await program(t, 'bad-chunks', [path])
      // Pages in the same folio as a bad block, of at most 2 MiB, cannot be mapped either.
      t.true(right >= bad - 2 * MiB && right <= bad, `${right} bytes; fs.readSync had ${bad}`)
      t.true(bad < DISK.size)
      t.is(code, 'EIO')
      t.is(start, right)
    },
  )
}

needs('loopDevices')('without the guard the touch of a bad page kills the process', async t => {
  const { path, good } = badDisk(t, DISK)
  const { signal } = await runNode(programPath('bad-disk'), [path, good], { env: { FAULTLESS_SIGBUS: 'off' } })
  t.is(signal, 'SIGBUS')
})
