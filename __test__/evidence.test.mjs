// The system calls that ask the kernel for resident pages, counted by the tracepoints of the kernel.

import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { text } from 'node:stream/consumers'
import { MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
import { needs, programPath } from './helpers/rig.mjs'

const SIZE = 64 * MiB
const COUNT = 20_000
/** x64 and arm64. */
const NUMBERS = { x64: { ioctl: 16, pread64: 17, mincore: 27 }, arm64: { ioctl: 29, pread64: 67, mincore: 232 } }

const SCRIPT = 'tracepoint:raw_syscalls:sys_enter /pid == cpid/ { @[args->id] = count(); }'

/** Questions to the kernel of a program that reads in some way so often. */
async function questions(t, path, way) {
  const command = `${fs.realpathSync(process.execPath)} ${programPath('warm-reads')} ${path} ${way} ${COUNT}`
  const child = spawn('bpftrace', ['-e', SCRIPT, '-c', command], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [output, errors, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise(resolve => child.once('exit', resolve)),
  ])
  t.is(code, 0, errors)
  t.regex(output, /all of it was right/)
  const calls = new Map(
    [...output.matchAll(/^@\[(\d+)\]: (\d+)$/gm)].map(([, id, count]) => [Number(id), Number(count)]),
  )
  const asked = Object.values(NUMBERS[process.arch]).map(id => calls.get(id) ?? 0)
  return asked.reduce((sum, count) => sum + count, 0)
}

// Seen to fail: four queries for each view, and one for every third record, when an answer covered 16 pages.
for (const way of ['view', 'tryView', 'readManyInto', 'readInto', 'tryReadInto']) {
  needs('root', 'tracefs', 'bpftrace').serial(
    `${way}: one question to the kernel tells about many reads of a file that is in memory`,
    async t => {
      const path = seededFile(temporaryFolder(t), SIZE)
      const asked = await questions(t, path, way)
      t.log(`${asked} questions for ${COUNT}`)
      t.true(asked < COUNT / 5, `${asked} questions for ${COUNT}`)
    },
  )
}
