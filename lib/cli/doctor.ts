// `faultless doctor`: checks this machine, and says what to change.

import type { Command, Line } from './command.js'
import { EXIT, type ExitCode } from './exit.js'
import { largest, print, printJson, styled, wrap } from './output.js'

/** One check. A note describes a limit that is often acceptable; a problem should be fixed. */
export interface Check {
  name: string
  status: 'ok' | 'note' | 'problem'
  found: string
  /** The consequence and the cure. */
  advice?: string
}

const STYLES = { ok: 'green', note: 'yellow', problem: 'red' } as const

export const command: Command = {
  usage: '[FILE…] [--json]',
  about: [
    'Checks the kernel, the runtime, the allocator, the limits of this process, and the disk of each FILE. Changes nothing. ' +
      'Run it as your program runs: as the same user, in the same container, with the same environment.',
  ],
  options: {},
  found: 'a problem was found, or a file could not be opened',
  run,
}

async function run({ words, json }: Line): Promise<ExitCode> {
  const { machineChecks } = await import('./machine-checks.js')
  const checks = await machineChecks()
  // Without the addon, no file can be checked; its failure is reported instead.
  if (!checks.some(({ name, status }) => name === 'addon' && status === 'problem')) {
    const { fileChecks } = await import('./file-checks.js')
    for (const check of await fileChecks(words)) checks.push(check)
  }
  const problems = checks.filter(({ status }) => status === 'problem').length
  if (json) printJson({ command: 'doctor', problems, checks })
  else {
    const column = largest(checks.map(({ name }) => Math.min(name.length, 24)))
    for (const check of checks) report(check, column)
    print(problems === 0 ? '\nNo problems.' : `\n${problems} ${problems === 1 ? 'problem' : 'problems'}.`)
  }
  return problems === 0 ? EXIT.fine : EXIT.found
}

function report({ name, status, found, advice }: Check, column: number): void {
  const indent = 9 + column + 2
  // A long path gets its own line.
  const gap = name.length > column ? `\n${' '.repeat(indent)}` : ' '.repeat(column + 2 - name.length)
  print(`${styled(STYLES[status], status.padEnd(9))}${name}${gap}${wrap(found, indent)}`)
  if (advice) print(`${' '.repeat(indent)}${styled('dim', wrap(advice, indent))}`)
}
