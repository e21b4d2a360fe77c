// The test's way to the fault rig: skips aloud where the machine lacks something, and runs programs as child processes.

import { fileURLToPath } from 'node:url'
import { cannot, runNode } from '../../bench/harness/faults.mjs'

/** Whether the machine allows all of these; where not, the test passes and says what was missing. */
export function allowed(t, ...names) {
  const reason = cannot(...names)
  if (reason) {
    t.log(`not run here: ${reason}`)
    t.pass()
  }
  return reason === undefined
}

export const programPath = name => fileURLToPath(new URL(`../programs/${name}.mjs`, import.meta.url))

/** Runs a program of `__test__/programs/` in a process of its own, and gives back the JSON that it printed. */
export async function program(t, name, args = [], options = {}) {
  const { code, signal, stdout, stderr } = await runNode(programPath(name), args, { timeout: 100_000, ...options })
  t.is(code, 0, `${name} ended with ${signal ?? code}: ${stderr}${stdout}`)
  return JSON.parse(stdout)
}
