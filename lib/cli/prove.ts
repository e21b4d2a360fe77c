// `faultless prove`: measures the promises of the README on this machine.

import os from 'node:os'
import type { Command, Line } from './command.js'
import { describeDisk } from './disk.js'
import { EXIT, type ExitCode, usage } from './exit.js'
import { print, printJson, progress, styled, warn, wrap } from './output.js'
import { lockWrites } from './proofs/locks.js'
import { type Finding, type Proof, take, type Verdict } from './proofs/proof.js'
import { coldReads, warmReads } from './proofs/reads.js'
import { stall } from './proofs/stall.js'
import { Subject } from './proofs/subject.js'
import { formatBytes } from './sizes.js'

const PROOFS: Proof[] = [stall, warmReads, coldReads, lockWrites]

const STYLES = { kept: 'green', broken: 'red', inconclusive: 'yellow', 'not shown': 'yellow' } as const

export const command: Command = {
  usage: '[FILE] [--json]',
  about: [
    'Measures the promises of the README on this machine and this disk, in about a minute. The verdict on each is ' +
      'kept, broken, inconclusive (the 95 % interval is on both sides of the limit), or not shown, with the reason. ' +
      'Results are compared with node:fs before their times count.',
    'Without FILE, it creates a temporary file of 128 MiB: in the temporary folder or, if that is in memory, in the current ' +
      'one. It evicts this file, and no other, from the page cache several times: do not name a file that is in use.',
    'Run nothing else meanwhile.',
  ],
  options: {},
  found: 'a promise was broken, or the file cannot be read',
  impossible: 'nothing could be shown',
  run,
}

async function run({ words, json }: Line): Promise<ExitCode> {
  const [path, second] = words
  if (second !== undefined) throw usage('one FILE at a time')
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const subject = path === undefined ? await Subject.made() : Subject.given(path)
  try {
    const machine = describe(subject)
    if (!json) print(`${heading(machine)}\n`)
    const proofs = []
    for (const proof of PROOFS) {
      progress.show(`measuring: ${proof.claim}`)
      const finding = await take(proof, subject, stop.signal)
      progress.clear()
      if (!json) report(proof, finding)
      proofs.push({ promise: proof.promise, claim: proof.claim, rule: proof.rule, ...finding })
    }
    if (json) printJson({ command: 'prove', ...machine, proofs })
    return exitCode(proofs.map(({ verdict }) => verdict))
  } catch (error) {
    if (!stop.signal.aborted) throw error
    warn('interrupted')
    return EXIT.interrupted
  } finally {
    progress.clear()
    subject.remove()
  }
}

function exitCode(verdicts: Verdict[]): ExitCode {
  if (verdicts.includes('broken')) return EXIT.found
  return verdicts.every(verdict => verdict === 'not shown') ? EXIT.impossible : EXIT.fine
}

function describe(subject: Subject) {
  const { fileSystem, readAheadKiB } = describeDisk(subject.path)
  return {
    date: new Date().toISOString(),
    machine: {
      kernel: os.release(),
      node: process.version,
      cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
      cores: os.availableParallelism(),
      memory: os.totalmem(),
      load: os.loadavg()[0] ?? 0,
    },
    file: {
      path: subject.path,
      size: subject.size,
      temporary: subject.temporary !== undefined,
      fileSystem,
      readAheadKiB,
    },
  }
}

function heading({ machine, file }: ReturnType<typeof describe>): string {
  const { kernel, node, cores, memory, load } = machine
  const on = `${formatBytes(file.size)} on ${file.fileSystem ?? 'an unknown file system'}`
  const readAhead = file.readAheadKiB === null ? '' : `, read-ahead ${formatBytes(1024 * file.readAheadKiB)}`
  const busy = load > cores / 2 ? ` The machine is busy (load ${load.toFixed(1)}): times are less reliable.` : ''
  return wrap(`Linux ${kernel}, Node ${node}, ${cores} cores, ${formatBytes(memory)}; ${on}${readAhead}.${busy}`, 0)
}

function report({ promise, claim }: Proof, { verdict, text }: Finding): void {
  print(`${styled(STYLES[verdict], verdict.padEnd(14))}${wrap(`${promise}. ${claim}`, 14)}`)
  print(`${' '.repeat(14)}${wrap(text, 14)}\n`)
}
