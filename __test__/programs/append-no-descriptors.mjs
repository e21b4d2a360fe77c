// Appends while the process has no free descriptor, and again when it has one.
//
// Argument: the file.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { MappedFile } from 'faultless'

const file = await MappedFile.open(process.argv[2], 'r+')
execFileSync('prlimit', ['--pid', process.pid, '--nofile=100:100'])
const taken = []
try {
  for (;;) taken.push(fs.openSync('/dev/null'))
} catch (error) {
  if (error.code !== 'EMFILE') throw error
}
const refused = await file.append('lost').catch(({ code, message }) => ({ code, names: /RLIMIT_NOFILE/.test(message) }))
for (const fd of taken) fs.closeSync(fd)
const offset = await file.append('kept')
// Another process has moved the end: only an append of the system finds it.
fs.appendFileSync(process.argv[2], 'theirs')
const next = await file.append('last')
await file.close()
console.log(JSON.stringify({ refused, offset, next }))
