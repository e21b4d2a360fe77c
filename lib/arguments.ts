// Checks the arguments of callers: positions, lengths, signals and sources.

import { Buffer, constants } from 'node:buffer'
import type { FileHandle } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { types } from 'node:util'
import { invalidArgType, invalidArgValue, outOfRange, tooLarge, unknownOption, wrongCall } from './errors.js'
import { keys, option } from './language.js'
import { indexOf } from './targets.js'
import { asArguments } from './wrong-calls.js'

/** A byte position: a non-negative safe integer, or a bigint of the same range. Lengths are numbers. */
export type Offset = number | bigint

/** A path as node:fs takes it. */
export type Source = string | Buffer | URL

/** Options of a call that can be cancelled. */
export interface Cancellable {
  /**
   * Cancels the call: it rejects with the reason of the signal. Work that has not begun never begins; work that has
   * begun stops at its next piece. Nothing is written to the caller's buffer after the promise has settled.
   */
  signal?: AbortSignal | undefined
}

/** A part of a file, in bytes. */
export interface ByteRange {
  /** The first byte. */
  offset: Offset
  /** Bytes; a part past the end of the file is left out. */
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
  throw invalidArgType(name, 'of type number or bigint', value, asArguments(value))
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

/** The number of bytes that a file of `byteLength` bytes has of a range; the rest of the file without a length. */
export function cutAtEnd(byteLength: number, offset: number, length: number | undefined): number {
  const rest = Math.max(0, byteLength - offset)
  return length === undefined ? rest : Math.min(rest, length)
}

/** Refuses a result that does not fit into a Buffer. */
export function mustFit(path: string, offset: number, length: number): void {
  if (length > constants.MAX_LENGTH) throw tooLarge(path, offset, length, constants.MAX_LENGTH)
}

export const SIGNAL_ALONE: readonly string[] = ['signal']

/** The signal of an options object, which may be missing. Throws the reason of a signal that is aborted already. */
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

/** Refuses a surplus argument. */
export function noMore(surplus: unknown, signature: string, hint?: string): void {
  if (surplus !== undefined) throw wrongCall(signature, hint)
}

/** An error, or one with the call that the caller probably wants, where another API has an argument of this type. */
export function withCall(error: unknown, signature: string, call: () => string | undefined): unknown {
  if ((error as { code?: unknown } | null)?.code !== 'ERR_INVALID_ARG_TYPE') return error
  const hint = call()
  return hint === undefined ? error : wrongCall(signature, hint)
}

/** Refuses a value that is not an options object, and unknown options. */
export function checkOptions(options: unknown, known: readonly string[]): asserts options is object {
  if (typeof options !== 'object' || options === null) {
    throw invalidArgType('options', `of type object; the options are: ${known.join(', ')}`, options)
  }
  for (const name of keys(options)) {
    if (known.includes(name) || (options as Record<string, unknown>)[name] === undefined) continue
    throw unknownOption('options', name, known)
  }
}

const SOURCES = 'of type string or an instance of Buffer or URL'

/**
 * The bytes of a path, as the kernel takes them, and its text. The error of another source names the types that the
 * caller accepts, and its cure.
 */
export function toPath(source: unknown, accepted = SOURCES, cure?: string): { bytes: Buffer; text: string } {
  const path = source instanceof URL ? fileURLToPath(source) : source
  if (typeof path !== 'string' && !types.isUint8Array(path)) throw invalidArgType('path', accepted, source, cure)
  const bytes = Buffer.from(path as string)
  if (indexOf(bytes, 0) >= 0) throw invalidArgValue('path', 'must be a path without null bytes', source)
  return { bytes, text: bytes.toString() }
}

/** A checked descriptor. A closed FileHandle has -1, which the kernel refuses with EBADF. */
function toDescriptor(fd: number, name: string): number {
  const largest = 2 ** 31 - 1
  if (!Number.isInteger(fd) || fd < -1 || fd > largest) {
    throw outOfRange(name, `the descriptor of an open file, an integer >= 0 && <= ${largest}`, fd)
  }
  return fd
}

/** Whether a source is a FileHandle of node:fs/promises. */
export function isFileHandle(source: unknown): source is FileHandle {
  return typeof source === 'object' && source !== null && typeof option(source as { fd?: unknown }, 'fd') === 'number'
}

/** The descriptor of an open source: a FileHandle, or a number of node:fs. */
export function descriptorOf(source: unknown): number | undefined {
  if (typeof source === 'number') return toDescriptor(source, 'fd')
  return isFileHandle(source) ? toDescriptor(source.fd, 'path.fd') : undefined
}
