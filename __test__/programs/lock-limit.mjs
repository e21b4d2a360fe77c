// Locks more than this process may, as a user without privileges, and prints how that is refused and what is locked then.

import { execFileSync } from 'node:child_process'
import { MappedFile } from 'faultless'
import { MiB } from '../helpers/files.mjs'
import { lockedKiB } from '../helpers/locked.mjs'

const [path, limit] = process.argv.slice(2)
execFileSync('prlimit', ['--pid', process.pid, `--memlock=${limit}:${limit}`])
process.setgid(65534)
process.setuid(65534)
const file = await MappedFile.open(path)
const outcome = promise =>
  promise.then(
    () => 'resolved',
    ({ code, syscall, path, message }) => ({ code, syscall, path, message }),
  )
const result = {
  all: await outcome(file.lock()),
  afterAll: lockedKiB(),
  some: await outcome(file.lock(0, MiB)),
  afterSome: lockedKiB(),
  right: (await file.read(5 * MiB, 10)).length === 10,
}
await file.close()
console.log(JSON.stringify(result))
