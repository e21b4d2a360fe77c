// Calls off cold reads of a slow disk half way, and prints how they ended. Runs under a throttle.

import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { MappedFile, mmapRead } from 'faultless'
import { MiB, seededBytes } from '../helpers/files.mjs'

const [folder, length] = [process.argv[2], Number(process.argv[3])]
const ABORT_AFTER = 150
const PATTERN = 0x5a
const untouched = target => target.every(byte => byte === PATTERN)

const ways = {
  read: (file, signal) => file.read(0, length, { signal }),
  readInto: (file, signal, target) => file.readInto(target, 0, { signal }),
  readMany: (file, signal) =>
    file.readMany(
      [
        { offset: 0, length: length / 2 },
        { offset: length / 2, length: length / 2 },
      ],
      { signal },
    ),
  view: (file, signal) => file.view(0, length, { signal }),
  prefault: (file, signal) => file.prefault(0, length, { signal }),
  async chunks(file, signal) {
    for await (const chunk of file.chunks({ signal })) chunk.at(-1)
  },
  mmapRead: (_, signal) => mmapRead(join(folder, 'mmapRead'), 0, length, { signal }),
}

/** Aborts after a while; whether the rejection was the signal's reason. */
async function abortedOnTheWay(begin) {
  const controller = new AbortController()
  const mine = new Error('no longer wanted')
  setTimeout(() => controller.abort(mine), ABORT_AFTER)
  const error = await begin(controller.signal).catch(rejection => rejection)
  return error === mine
}

const aborted = {}
for (const [name, way] of Object.entries(ways)) {
  const file = await MappedFile.open(join(folder, name))
  const target = Buffer.alloc(length)
  const began = performance.now()
  const reason = await abortedOnTheWay(signal => way(file, signal, target))
  const took = performance.now() - began
  target.fill(PATTERN)
  // By then all of the file would have come.
  await delay(name === 'readInto' ? 1200 : 100)
  aborted[name] = { reason, took, writtenAfterwards: !untouched(target) }
  await file.close()
}

const file = await MappedFile.open(join(folder, 'several'))
const [first, second, third] = [0, 1, 2].map(() => Buffer.alloc(MiB))
const expected = seededBytes(length)
const others = [file.readInto(first, 0), file.readInto(third, 2 * MiB)]
const reason = await abortedOnTheWay(signal => file.readInto(second, MiB, { signal }))
second.fill(PATTERN)
await Promise.all(others)
await delay(300)
const several = {
  reason,
  others: first.equals(expected.subarray(0, MiB)) && third.equals(expected.subarray(2 * MiB, 3 * MiB)),
  writtenAfterwards: !untouched(second),
}
await file.close()
console.log(JSON.stringify({ aborted, several }))
