// Uses up all descriptors that this process may have, and prints how files are opened then, and when there are some again.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { MappedFile, mmapRead } from 'faultless'

const path = process.argv[2]

// A descriptor is closed by another thread, a moment after close() has resolved; there is none left to look at /proc with.
async function closed(file) {
  await file.close()
  await delay(100)
}

const told = promise =>
  promise.then(
    result => (result instanceof MappedFile ? closed(result).then(() => 'opened') : result.length),
    ({ code, syscall, path, message }) => ({
      code,
      syscall,
      path,
      says: /close some, with \{ unmap: true \}.*RLIMIT_NOFILE/.test(message),
    }),
  )
// Their code is loaded, and what they need for themselves is open.
await told(MappedFile.open(path))
await told(mmapRead(path))
mmapRead.release()
const handle = await fs.promises.open(path)
execFileSync('prlimit', ['--pid', process.pid, '--nofile=100:100'])
const taken = []
try {
  for (;;) taken.push(fs.openSync(path))
} catch (error) {
  if (error.code !== 'EMFILE') throw error
}
const tell = async () => ({
  'by path': await told(MappedFile.open(path)),
  'by a FileHandle': await told(MappedFile.open(handle)),
  'by mmapRead': await told(mmapRead(path)),
})
const full = await tell()
fs.closeSync(taken.pop())
const withOne = await tell()
for (const fd of taken) fs.closeSync(fd)
await handle.close()
console.log(JSON.stringify({ full, withOne }))
