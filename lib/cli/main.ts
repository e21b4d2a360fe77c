#!/usr/bin/env node
// The program `faultless`: loads the requested command only, runs it, and sets the exit code.

import { readFileSync } from 'node:fs'
import { type Command, help, readLine, rows } from './command.js'
import { EXIT, Exit, usage } from './exit.js'
import { print, printJson, warn } from './output.js'

interface Entry {
  about: string
  load(): Promise<{ command: Command }>
}

const COMMANDS: Record<string, Entry> = {
  residency: { about: 'how much of a file is in memory, and where', load: () => import('./residency.js') },
  warm: { about: 'bring files into memory', load: () => import('./warm.js') },
  faults: { about: 'which line of JavaScript waits for the disk', load: () => import('./faults.js') },
  locks: { about: 'who waits for mmap_lock, and who takes it', load: () => import('./locks.js') },
  memory: { about: 'how much free memory malloc keeps in a running process', load: () => import('./memory.js') },
  doctor: { about: 'what works on this machine, and what to change', load: () => import('./doctor.js') },
  prove: { about: 'the promises of the README, measured on this machine', load: () => import('./prove.js') },
}

async function main([first, ...rest]: string[]): Promise<number> {
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    const [name] = rest
    print(first === 'help' && name !== undefined ? help(name, await load(name)) : overview())
    return first === undefined ? EXIT.usage : EXIT.fine
  }
  if (first === '--version' || first === '-v') {
    if (rest.includes('--json')) printJson({ version: version() })
    else print(version())
    return EXIT.fine
  }
  const command = await load(first)
  const line = readLine(command, rest)
  if (line) return command.run(line)
  print(help(first, command))
  return EXIT.fine
}

async function load(name: string): Promise<Command> {
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!entry) throw usage(`unknown command '${name}'; the commands are ${Object.keys(COMMANDS).join(', ')}`)
  return (await entry.load()).command
}

function overview(): string {
  return [
    'Usage: faultless COMMAND … [--json]',
    `Commands:\n${rows(Object.entries(COMMANDS).map(([name, { about }]) => [name, about]))}`,
    'faultless COMMAND --help prints its options; --version prints the version.',
  ].join('\n\n')
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')).version
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader has closed the pipe: `faultless residency * | head`.
  if (error.code === 'EPIPE') process.exit(EXIT.fine)
  throw error
})

const args = process.argv.slice(2)
main(args).then(
  code => {
    process.exitCode = code
  },
  error => {
    if (error.code === 'ERR_ADDON_NOT_LOADED') {
      warn(error.message)
      process.exitCode = EXIT.impossible
      return
    }
    if (!(error instanceof Exit)) throw error
    const [first] = args
    const where = first !== undefined && Object.hasOwn(COMMANDS, first) ? `faultless ${first}` : 'faultless'
    warn(error.message + (error.exitCode === EXIT.usage ? `; see ${where} --help` : ''))
    process.exitCode = error.exitCode
  },
)
