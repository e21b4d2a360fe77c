// Reads facts about the kernel and a process in /proc and /sys.

import { readFileSync } from 'node:fs'

/** The text of a file, or undefined where it does not exist or may not be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

/** The soft limit of this process, by its name in /proc/self/limits; Infinity where there is none. */
export function limit(name: string): number | undefined {
  const line = readText('/proc/self/limits')
    ?.split('\n')
    .find(each => each.startsWith(name))
  const [soft] = line?.slice(name.length).trim().split(/\s+/) ?? []
  if (soft === undefined) return undefined
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
}

/** Whether this process has a capability, by its number in linux/capability.h. */
export function hasCapability(number: bigint): boolean {
  const [, mask = '0'] = /^CapEff:\s+([0-9a-f]+)$/m.exec(readText('/proc/self/status') ?? '') ?? []
  return ((BigInt(`0x${mask}`) >> number) & 1n) === 1n
}
