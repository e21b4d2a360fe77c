// Prints the lines that others append to a file, as `tail -F` does, and loses none when the file is rotated. Without an
// argument, it follows a file that it writes and rotates itself.
//
//   node examples/tail.mjs [FILE]
import { appendFileSync, copyFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MappedFile } from 'faultless'

const [given] = process.argv.slice(2)
const folder = given ? undefined : mkdtempSync(join(tmpdir(), 'tail-'))
const path = given ?? join(folder, 'log')
if (!given) writeFileSync(path, 'before\n')

// With `wait`, a file that does not exist yet is opened when it does.
const file = await MappedFile.open(path, { wait: true })
const lines = file.followLines(given ? {} : { start: 0, linger: 100 })
const steps = given ? [] : rotations()
try {
  for await (const { line } of lines) {
    console.log(line)
    // Each printed line starts the next step. After the last step, nothing more is written.
    if (!given && steps.next().done) break
  }
} finally {
  await file.close()
  if (folder) rmSync(folder, { recursive: true })
}

// Rotates the file as logrotate does, by rename and by copytruncate.
function* rotations() {
  renameSync(path, `${path}.1`)
  writeFileSync(path, 'after the rename\n')
  yield
  copyFileSync(path, `${path}.2`)
  truncateSync(path)
  appendFileSync(path, 'after the cut\n')
  yield
}
