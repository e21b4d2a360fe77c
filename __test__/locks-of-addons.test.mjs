// `faultless locks` names the addon that takes mmap_lock for writing on worker threads, with advice.
//
// Seen to fail: if the callers of libc functions are ignored, the report names the code of Node that calls the addon.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test from 'ava'
import { mappingAddon } from './helpers/addon.mjs'
import { faultless } from './helpers/cli.mjs'
import { needs, programPath } from './helpers/rig.mjs'

const WHO = 'addon mapper.node of busy-mapper'
let addon

test.before(() => {
  // As node-gyp compiles.
  addon = mappingAddon('-fno-omit-frame-pointer')
})

/** What is said of two workers that are busy in a function of the addon. It lives until its addresses have been looked up. */
async function locksOf(t, name, ...words) {
  const child = spawn(process.execPath, [programPath('mapping-addon'), addon, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return faultless(['locks', '--pid', String(child.pid), '--seconds', '2', ...words])
}

for (const name of ['mprotect', 'munmap']) {
  needs('root', 'tracefs', 'bpftrace').serial(`${name} called by an addon is the addon's, with its stack`, async t => {
    const { stdout, stderr } = await locksOf(t, name, '--json')
    const { culprits, total } = JSON.parse(stdout || `"${stderr}"`)
    const { writes, calls, advice, stack } = culprits.find(({ who }) => who === WHO) ?? {}
    t.true(writes > 0.9 * total.writes.count, JSON.stringify(culprits, null, 1))
    t.true(calls.includes(name), calls.join())
    t.true(
      stack.some(frame => frame.endsWith(`(${addon})`)),
      stack.join('\n'),
    )
    t.regex(advice, /to the authors of mapper\.node of busy-mapper.*in a separate process/)
  })
}

needs('root', 'tracefs', 'bpftrace').serial(
  'the report says that threads wait, for whom, and what to do next',
  async t => {
    const { code, stdout } = await locksOf(t, 'mprotect')
    t.is(code, 1)
    t.regex(stdout, /^Threads waited for one another for /m)
    t.regex(stdout, /^addon mapper\.node of busy-mapper:$/m)
    t.regex(stdout.replace(/\s+/g, ' '), /Otherwise send the stack from --json to the authors of mapper\.node/)
  },
)
