// Locks more than the memory cgroup of this process has room for, whole and piece by piece, and prints how that is refused.

import { MappedFile } from 'faultless'
import { MiB } from '../helpers/files.mjs'
import { lockedKiB, untilLocked } from '../helpers/locked.mjs'

const file = await MappedFile.open(process.argv[2])
const told = promise =>
  promise.then(
    () => 'locked',
    ({ code, message }) => ({ code, says: /memory cgroup is limited to/.test(message) }),
  )
const whole = await told(file.lock())
const afterWhole = lockedKiB()
const pieces = []
for (let offset = 0; offset < file.byteLength; offset += 16 * MiB) pieces.push(await told(file.lock(offset, 16 * MiB)))
const some = pieces.filter(outcome => outcome === 'locked').length
const asLocked = lockedKiB() === some * 16 * 1024
const right = (await file.read(file.byteLength - 10, 10)).length === 10
await file.unlock()
await untilLocked(0)
const again = await told(file.lock(0, 16 * MiB))
await file.close()
await untilLocked(0)
console.log(JSON.stringify({ whole, afterWhole, some, last: pieces.at(-1), asLocked, right, again }))
