// faultless/watch on a slow disk: reports a late turn with page faults and its file, and no other turn.
//
// Seen to fail: if only the delay counts, and if only page faults count.

import fs from 'node:fs'
import { join } from 'node:path'
import { loopDisk, throttled } from './helpers/fault-rig.mjs'
import { MiB, seededFile } from './helpers/files.mjs'
import { needs, program } from './helpers/rig.mjs'

async function watchedRun(t, uid) {
  const disk = loopDisk({ size: 64 * MiB, readAheadKiB: 128 })
  t.teardown(disk.dispose)
  const [touched, read] = ['touched', 'read'].map((name, seed) => seededFile(disk.mountPoint, 4 * MiB, seed + 1, name))
  for (const path of [touched, read]) fs.chmodSync(path, 0o644)
  disk.cool()
  const group = throttled({ device: disk.device, readBps: 8 * MiB })
  t.teardown(group.dispose)
  const said = await program(t, 'watched', [join(disk.mountPoint, 'touched'), read], { cgroups: [group], uid })
  return { said, touched }
}

for (const [who, uid] of [
  ['root', undefined],
  ['any other user', 65534],
]) {
  needs('loopDevices', 'throttling', 'anotherUser').serial(
    `a late turn with page faults is reported to ${who}, with the file; late turns without are not`,
    async t => {
      const { said, touched } = await watchedRun(t, uid)
      t.true(said.watched)
      t.deepEqual(said.quiet, { messages: 0, faults: 1 })
      t.is(said.messages.length, 1)
      const [{ late, faults, files }] = said.messages
      t.is(faults, said.faults)
      t.true(faults > 5)
      // A throttled disk, and one stall. A timer of 20 ms is late by up to 20 ms less than one of 1 ms.
      t.true(
        late < 1.1 * said.late && late > 0.9 * said.late - 20,
        `${late} ms were told, the loop was ${said.late} ms late`,
      )
      t.is(files[0].path, touched)
      t.true(files[0].bytes >= faults * 4096)
      t.is(said.warnings.length, 1)
      t.like(said.warnings[0], { name: 'FaultWarning', code: 'FAULTLESS_FAULT' })
      t.regex(
        said.warnings[0].message,
        /^the event loop was \d+ ms late: .* in \d+ page faults, .*touched has \d+ bytes more/,
      )
    },
  )
}
