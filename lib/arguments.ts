// What callers pass in, checked once: positions, lengths, signals and sources.

import { Buffer, constants } from 'node:buffer'
import type { FileHandle } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { types } from 'node:util'
import { invalidArgType, invalidArgValue, outOfRange, tooLarge, wrongCall } from './errors.js'
import { keys, option } from './language.js'
import { indexOf } from './targets.js'

/** A byte position: a non-negative safe integer, or a bigint of the same range. */
export type Offset = number | bigint

/** Where a file is: a path as node:fs takes it. */
export type Source = string | Buffer | URL

/** What can be given up. */
export interface Cancellable {
  /**
   * Rejects with the signal's reason. Work not yet begun never begins; work begun stops at its next chunk. Nothing is
   * written to a caller's buffer after the promise has settled.
   */
  signal?: AbortSignal | undefined
}

/** A part of a file, in bytes. */
export interface ByteRange {
  /** Where it begins. */
  offset: Offset
  /** How many bytes; what is past the end of the file is left out. */
  length: number
}

const SAFE_INTEGER = `an integer >= 0 && <= ${Number.MAX_SAFE_INTEGER}`

/** A byte position as a number. */
export function toOffset(value: unknown, name = 'offset'): number {
  if (typeof value === 'number') return checked(value, name)
  if (typeof value === 'bigint') {
    if (value < 0n || value > Number.MAX_SAFE_INTEGER) throw outOfRange(name, SAFE_INTEGER, value)
    return Number(value)
  }
  throw invalidArgType(name, 'of type number or bigint', value)
}

/** A number of bytes. */
export function toLength(value: unknown, name = 'length'): number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value)
  return checked(value, name)
}

function checked(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw outOfRange(name, SAFE_INTEGER, value)
  return value
}

/** How much of `length` bytes at `offset` there is in a file of `byteLength` bytes; all the rest without a length. */
export function cutAtEnd(byteLength: number, offset: number, length: number | undefined): number {
  const rest = Math.max(0, byteLength - offset)
  return length === undefined ? rest : Math.min(rest, length)
}

/** Refuses a result that no Buffer can hold. */
export function mustFit(path: string, offset: number, length: number): void {
  if (length > constants.MAX_LENGTH) throw tooLarge(path, offset, length, constants.MAX_LENGTH)
}

const SIGNAL_ALONE: readonly string[] = ['signal']

/** The signal of an options object, which may be missing. Throws the reason of one that is aborted already. */
export function toSignal(options: unknown, known = SIGNAL_ALONE): AbortSignal | undefined {
  const signal = signalOf(options, known)
  signal?.throwIfAborted()
  return signal
}

/** The signal of an options object, which may be missing, aborted or not. Refuses options that are not `known`. */
export function signalOf(options: unknown, known = SIGNAL_ALONE): AbortSignal | undefined {
  if (options === undefined) return undefined
  checkOptions(options, known)
  const signal = option(options as Cancellable, 'signal')
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidArgType('options.signal', 'an instance of AbortSignal', signal)
  }
  return signal
}

/** Refuses an argument that comes after the last one that a method has. */
export function noMore(surplus: unknown, signature: string, hint?: string): void {
  if (surplus !== undefined) throw wrongCall(signature, hint)
}

/**
 * The error for `(buffer, offset, length, position)` or `(buffer, { offset, length, position })`, which FileHandle takes, with the
 * call that does the same here.
 */
export function fileHandleCall(
  signature: string,
  method: string,
  memory: string,
  offset: unknown,
  length: unknown,
  position: unknown,
): Error {
  const form =
    typeof offset === 'object' && offset !== null ? (offset as Record<string, unknown>) : { offset, length, position }
  const [start, count] = [form.offset ?? 0, form.length]
  const part = typeof start === 'number' && typeof count === 'number' ? `${start}, ${start + count}` : 'start, end'
  const at = typeof form.position === 'number' || typeof form.position === 'bigint' ? form.position : 'position'
  const whole = start === 0 && count === undefined
  const call = `file.${method}(${memory}${whole ? '' : `.subarray(${part})`}, ${at})`
  return wrongCall(`file.${signature}`, call)
}

/** Refuses what is no options object, and options that nobody looks at. */
export function checkOptions(options: unknown, known: readonly string[]): asserts options is object {
  if (typeof options !== 'object' || options === null) throw invalidArgType('options', 'of type object', options)
  for (const name of keys(options)) {
    if (known.includes(name) || (options as Record<string, unknown>)[name] === undefined) continue
    throw invalidArgValue('options', `has no "${name}". The options are: ${known.join(', ')}`, options)
  }
}

/** A path's bytes as the kernel takes them, and its text. */
export function toPath(source: unknown): { bytes: Buffer; text: string } {
  const path = source instanceof URL ? fileURLToPath(source) : source
  if (typeof path !== 'string' && !types.isUint8Array(path)) {
    throw invalidArgType('path', 'of type string or an instance of Buffer or URL', source)
  }
  const bytes = Buffer.from(path as string)
  if (indexOf(bytes, 0) >= 0) throw invalidArgValue('path', 'must be a path without null bytes', source)
  return { bytes, text: bytes.toString() }
}

/** A descriptor, as a FileHandle has it: -1 when it is closed, which the kernel refuses as EBADF. */
function toDescriptor(fd: number, name: string): number {
  const largest = 2 ** 31 - 1
  if (!Number.isInteger(fd) || fd < -1 || fd > largest) {
    throw outOfRange(name, `the descriptor of an open file, an integer >= 0 && <= ${largest}`, fd)
  }
  return fd
}

/** Whether a source is an open file of node:fs/promises. */
export function isFileHandle(source: unknown): source is FileHandle {
  return typeof source === 'object' && source !== null && typeof option(source as { fd?: unknown }, 'fd') === 'number'
}

/** The descriptor of a source that is open already: of node:fs/promises, or a number of node:fs. */
export function descriptorOf(source: unknown): number | undefined {
  if (typeof source === 'number') return toDescriptor(source, 'fd')
  return isFileHandle(source) ? toDescriptor(source.fd, 'path.fd') : undefined
}
