// The interface of tests to the fault rig: skips tests that the machine cannot run, and runs programs as child
// processes.

import { fileURLToPath } from 'node:url'
import test from 'ava'
import { cannot, runNode } from './fault-rig.mjs'

/** ava's `test`, or its skip with the reason in the title: for what no setting of a machine can give. */
export const unless = reason => (reason === undefined ? test : instead(title => skipped(title, reason)))

/**
 * ava's `test` where nothing is missing, and else its skip. With FAULTLESS_TESTS=all, as CI runs the tests, nothing may be
 * missing: then the test fails, and names what is.
 */
export const required = missing =>
  missing === undefined || process.env.FAULTLESS_TESTS !== 'all'
    ? unless(missing)
    : instead(title => test(title, t => t.fail(`FAULTLESS_TESTS=all, but this cannot run here: ${missing}`)))

/** The same for abilities by their names in the fault rig. Decided when the file is loaded. */
export const needs = (...names) => required(cannot(...names))

const instead = register => Object.assign(register, { serial: register })
const skipped = (title, reason) => test.skip(`${title} — not run here: ${reason}`, () => {})

export const programPath = name => fileURLToPath(new URL(`../programs/${name}.mjs`, import.meta.url))

/** Runs a program of `__test__/programs/` in a process of its own, and gives back the JSON that it printed. */
export async function program(t, name, args = [], options = {}) {
  const { code, signal, stdout, stderr } = await runNode(programPath(name), args, { timeout: 100_000, ...options })
  t.is(code, 0, `${name} ended with ${signal ?? code}: ${stderr}${stdout}`)
  return JSON.parse(stdout)
}
