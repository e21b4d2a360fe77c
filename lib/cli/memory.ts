// `faultless memory`: what the malloc of a running process holds free, arena by arena, and what to do about it.

import { arenasOf } from '#binding'
import type { Command, Line } from './command.js'
import { EXIT, Exit, type ExitCode, usage } from './exit.js'
import { table, wholeNumber } from './follow.js'
import { print, printJson, styled, wrap } from './output.js'
import { formatBytes } from './sizes.js'
import { lives } from './tracing/index.js'

/** Free memory, in bytes, that is worth a change. */
const NOTABLE = 64 << 20

type Arena = ReturnType<typeof arenasOf>[number]

export const command: Command = {
  usage: 'PID [--json]',
  about: [
    "Looks at the memory of a process that runs, while it runs: what each arena of glibc's malloc got from the kernel, how much " +
      'of it is free, at the end of the arena or below, and how much of what is free is in physical memory. Changes nothing.',
    'Only root and the user who runs the process may look. Buffers above the threshold of malloc are not in any arena.',
  ],
  options: {},
  found: 'more than 64 MiB of physical memory are free in it',
  impossible: "nobody can tell: no permission, another malloc than glibc's, or a single arena",
  run,
}

async function run({ words, json }: Line): Promise<ExitCode> {
  const [word, ...others] = words
  const pid = wholeNumber('PID', word)
  if (pid === undefined || others.length > 0) throw usage('one PID')
  if (!lives(pid)) throw usage(`there is no process ${pid}`)
  const arenas = look(pid)
  const sum = (name: 'heaps' | 'mapped' | 'free' | 'top' | 'resident') =>
    arenas.reduce((total, arena) => total + arena[name], 0)
  const total = {
    heaps: sum('heaps'),
    mapped: sum('mapped'),
    free: sum('free'),
    top: sum('top'),
    resident: sum('resident'),
  }
  if (json) printJson({ command: 'memory', pid, arenas, total })
  else report(arenas, total)
  return total.resident > NOTABLE ? EXIT.found : EXIT.fine
}

function look(pid: number): Arena[] {
  try {
    return arenasOf(pid)
  } catch (error) {
    throw new Exit(EXIT.impossible, `process ${pid} cannot be looked at: ${(error as Error).message}`)
  }
}

function report(arenas: Arena[], total: Omit<Arena, 'main'>): void {
  table(
    ['heaps', 'got', 'in use', 'free', 'at its end', 'free in memory', 'arena'],
    [...arenas.map((arena, index) => row(arena.main ? 'main' : `${index}`, arena)), row('all', total)],
  )
  if (total.resident <= NOTABLE) {
    print(`\n${styled('green', 'There is little that could be given back.')}`)
    return
  }
  print(
    `\n${styled('yellow', `${formatBytes(total.resident)} of physical memory are free in malloc, and used by nobody.`)}`,
  )
  const advice =
    '`await allocator.trim()` of faultless gives it back once. `node --import faultless/tune` gives back what lies unused as ' +
    'long as the program runs. MALLOC_ARENA_MAX=2 has threads share arenas, and wait for each other in them.'
  print(wrap(advice, 0))
}

function row(name: string, { heaps, mapped, free, top, resident }: Omit<Arena, 'main'>): string[] {
  return [`${heaps}`, ...[mapped, mapped - free, free, top, resident].map(formatBytes), name]
}
