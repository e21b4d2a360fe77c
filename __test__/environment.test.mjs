// The environment of the process is only read on the main thread: while a program sets process.env, another thread that
// reads the environment reads freed memory.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runNode } from './helpers/fault-rig.mjs'
import { MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
import { programPath, unless } from './helpers/rig.mjs'

// Seen to fail: if settings are read at their first use, on threads of the pool.
const cannotCount = process.platform === 'linux' ? undefined : 'no LD_PRELOAD'
unless(cannotCount)('no thread but the main one has the addon ask for the environment, while that changes', async t => {
  const folder = temporaryFolder(t)
  const library = join(folder, 'getenv.so')
  const source = fileURLToPath(new URL('./programs/getenv.c', import.meta.url))
  execFileSync('cc', ['-shared', '-fPIC', '-O2', '-Wall', '-Werror', '-o', library, source, '-ldl'])
  const env = { LD_PRELOAD: library }
  const path = seededFile(folder, 2 * MiB)
  const { code, signal, stdout, stderr } = await runNode(programPath('environment'), [path], { env, timeout: 60_000 })
  t.is(code, 0, `${signal} ${stderr}`)
  t.is(stdout.trim(), '"done"')
  t.regex(stderr, /^getenv: \d+ on the main thread, 0 elsewhere$/m)
})
