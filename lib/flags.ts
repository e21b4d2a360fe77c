// Flags and permissions for opening a file: the flags of node:fs that a mapping supports.

import { constants } from 'node:fs'
import { invalidArgType, invalidArgValue, outOfRange } from './errors.js'

/**
 * The flags of a file, as in node:fs. A mapping always reads, so `'w'` and `'a'` do not exist.
 *
 * - `'r'`: for reading. The file must exist. Stores to views stay in the views of their handle.
 * - `'r+'`: for reading and writing. The file must exist. Stores to views reach the file.
 * - `'w+'`: as `'r+'`, but a missing file is created, and an existing one is truncated to 0 bytes.
 * - `'a+'`: as `'r+'`, but a missing file is created, and `append()` is the only method that writes.
 * - `'wx+'`, `'ax+'`: as `'w+'` and `'a+'`, but the file must not exist.
 */
export type OpenFlags = 'r' | 'r+' | 'w+' | 'wx+' | 'a+' | 'ax+'

/** How the addon creates a missing file. */
interface Creation {
  exclusive: boolean
  truncate: boolean
}

const CREATIONS: Readonly<Record<OpenFlags, Creation | undefined>> = {
  r: undefined,
  'r+': undefined,
  'w+': { exclusive: false, truncate: true },
  'wx+': { exclusive: true, truncate: true },
  'a+': { exclusive: false, truncate: false },
  'ax+': { exclusive: true, truncate: false },
}

const { O_RDONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND, O_EXCL } = constants

/** The flags of each number that has the same effect. */
const NUMBERS: ReadonlyMap<unknown, OpenFlags> = new Map([
  [O_RDONLY, 'r'],
  [O_RDWR, 'r+'],
  [O_RDWR | O_CREAT | O_TRUNC, 'w+'],
  [O_RDWR | O_CREAT | O_TRUNC | O_EXCL, 'wx+'],
  [O_RDWR | O_CREAT | O_EXCL, 'wx+'],
  [O_RDWR | O_CREAT | O_APPEND, 'a+'],
  [O_RDWR | O_CREAT | O_APPEND | O_EXCL, 'ax+'],
])

const NAMES = Object.keys(CREATIONS) as OpenFlags[]
const QUOTED = NAMES.map(name => `'${name}'`).join(', ')

/** Flags, checked. */
export function toFlags(value: unknown): OpenFlags {
  const known = NAMES.find(name => name === value)
  if (known) return known
  if (typeof value !== 'string') {
    const name = NUMBERS.get(value)
    throw invalidArgType('flags', `a string, one of ${QUOTED}`, value, name && `As a string: '${name}'`)
  }
  const readable = NAMES.find(name => name === `${value}+`)
  const reason = readable ? `: a mapping always reads the file, so use '${readable}'` : ''
  throw invalidArgValue('flags', `must be one of ${QUOTED}${reason}`, value)
}

/** How to create a missing file; undefined where the file must exist. */
export function toCreation(flags: OpenFlags, mode: unknown): (Creation & { permissions: number }) | undefined {
  const creation = CREATIONS[flags]
  if (mode !== undefined && !creation) {
    const isFlags = NAMES.some(name => name === mode)
    const cure = isFlags
      ? `is for the permissions of a new file, as in node:fs. Use flags: '${mode}'`
      : `is for the permissions of a new file, but flags '${flags}' create none. Leave it out, or create a file: 'wx+' and ` +
        "'ax+' refuse an existing file, 'a+' appends to it, and 'w+' empties it"
    throw invalidArgValue('options.mode', cure, mode)
  }
  return creation && { ...creation, permissions: toPermissions(mode) }
}

/** Read and write for everybody; the umask of the process removes some. */
const DEFAULT_PERMISSIONS = 0o666
const MOST = 0o7777

function toPermissions(mode: unknown): number {
  if (mode === undefined) return DEFAULT_PERMISSIONS
  if (typeof mode === 'string' && /^[0-7]+$/.test(mode)) return toPermissions(Number.parseInt(mode, 8))
  if (typeof mode === 'string') throw invalidArgValue('options.mode', 'must be a number or an octal string', mode)
  if (typeof mode !== 'number') throw invalidArgType('options.mode', 'of type number or an octal string', mode)
  if (!Number.isInteger(mode) || mode < 0 || mode > MOST)
    throw outOfRange('options.mode', 'an integer >= 0 && <= 0o7777', mode)
  return mode
}

/** Whether stores to views reach the file. */
export const isWritable = (flags: OpenFlags): boolean => flags !== 'r'

/** Whether `append()` is the only method that writes. */
export const isAppending = (flags: OpenFlags): boolean => flags.startsWith('a')
