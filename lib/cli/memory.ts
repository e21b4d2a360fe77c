// `faultless memory`: shows how much free memory malloc keeps in a running process, arena by arena, with advice.

import { arenasOf } from '#binding'
import type { Command, Line } from './command.js'
import { EXIT, Exit, type ExitCode, usage } from './exit.js'
import { table, wholeNumber } from './follow.js'
import { print, printJson, styled, wrap } from './output.js'
import { formatBytes } from './sizes.js'
import { lives } from './tracing/index.js'

/** Free memory in bytes from which on it is a problem. */
const NOTABLE = 64 << 20

type Arena = ReturnType<typeof arenasOf>[number]

export const command: Command = {
  usage: 'PID [--json]',
  about: [
    "Reads the memory of a running process. Shows how much each arena of glibc's malloc got from the kernel, how much of it is " +
      'free, in all and at the end of the arena, and how much of the free memory is in physical memory. Changes nothing.',
    'Only root and the user of the process may read it. Buffers above the mmap threshold of malloc are in no arena.',
  ],
  options: {},
  found: 'more than 64 MiB of physical memory are free in it',
  impossible: "it cannot be measured: no permission, a malloc other than glibc's, or a single arena",
  run,
}

async function run({ words, json }: Line): Promise<ExitCode> {
  const [word, ...others] = words
  const pid = wholeNumber('PID', word)
  if (pid === undefined || others.length > 0) throw usage('pass one PID')
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
    throw new Exit(EXIT.impossible, `the memory of process ${pid} cannot be read: ${(error as Error).message}`)
  }
}

function report(arenas: Arena[], total: Omit<Arena, 'main'>): void {
  table(
    ['heaps', 'got', 'in use', 'free', 'at its end', 'free in memory', 'arena'],
    [...arenas.map((arena, index) => row(arena.main ? 'main' : `${index}`, arena)), row('all', total)],
  )
  if (total.resident <= NOTABLE) {
    print(`\n${styled('green', 'Little memory can be given back.')}`)
    return
  }
  print(`\n${styled('yellow', `${formatBytes(total.resident)} of physical memory are free in malloc, and unused.`)}`)
  const advice =
    '`await allocator.trim()` of faultless gives it back once. `node --import faultless/tune` gives unused memory back as ' +
    'long as the program runs. With MALLOC_ARENA_MAX=2, threads share arenas, and wait for each other.'
  print(wrap(advice, 0))
}

function row(name: string, { heaps, mapped, free, top, resident }: Omit<Arena, 'main'>): string[] {
  return [`${heaps}`, ...[mapped, mapped - free, free, top, resident].map(formatBytes), name]
}
