// Creates the errors of the TypeScript part, in the conventions of node:fs.

import { constants } from 'node:os'
import { inspect } from 'node:util'

/** The folder of this file, where it is not part of a bundle: there, the stack of an error shows the caller alone. */
const OWN_FILES = /^(.+\/lib\/)errors\.[jt]s$/.exec(import.meta.url ?? '')?.[1]

function coded<Kind extends Error>(
  Type: new (message: string) => Kind,
  message: string,
  code: string,
  more?: object,
): Kind & { code: string } {
  const error = new Type(message)
  const stack: unknown = OWN_FILES === undefined ? undefined : error.stack
  // A program may replace Error.prepareStackTrace, and then the stack can be anything.
  if (typeof stack === 'string') {
    const [first, ...lines] = stack.slice(message.length).split('\n    at ')
    const theirs = lines.filter(line => !line.includes(OWN_FILES as string))
    error.stack = [stack.slice(0, message.length) + first, ...theirs].join('\n    at ')
  }
  return Object.assign(error, { code }, more)
}

/** An argument of the wrong type. `cure` is the call that the caller probably wants. */
export function invalidArgType(name: string, expected: string, value: unknown, cure?: string): TypeError {
  const message = `The "${name}" argument must be ${expected}. Received ${describe(value)}${cure ? `. ${cure}` : ''}`
  return coded(TypeError, message, 'ERR_INVALID_ARG_TYPE')
}

/** An argument of the right type with an invalid value. */
export function invalidArgValue(name: string, reason: string, value: unknown): TypeError {
  return coded(TypeError, `The argument "${name}" ${reason}. Received ${describe(value)}`, 'ERR_INVALID_ARG_VALUE')
}

/** An object with a property that no code reads. */
export function unknownOption(argument: string, name: string, known: readonly string[], kind = 'options'): TypeError {
  const message = `The argument "${argument}" has no "${name}". The ${kind} are: ${known.join(', ')}`
  return coded(TypeError, message, 'ERR_INVALID_ARG_VALUE')
}

/** Too many arguments, or arguments in the wrong places. `hint` is the call that the caller probably wants. */
export function wrongCall(signature: string, hint?: string): TypeError {
  const message = `The arguments do not fit ${signature}.${hint ? ` Call ${hint}` : ''}`
  return coded(TypeError, message, 'ERR_INVALID_ARG_TYPE')
}

/** A class whose objects only this package creates. */
export function illegalConstructor(type: string, cure: string): TypeError {
  return coded(TypeError, `${type} has no public constructor: use ${cure}`, 'ERR_ILLEGAL_CONSTRUCTOR')
}

/** A method that was called on another object, or without one: `const { read } = file`. */
export function invalidThis(type: string, value: unknown): TypeError {
  const message = `Value of "this" must be of type ${type}. Received ${describe(value)}`
  return coded(TypeError, message, 'ERR_INVALID_THIS')
}

/** A number that is not a valid position or length. */
export function outOfRange(name: string, expected: string, value: unknown): RangeError {
  const message = `The value of "${name}" is out of range. It must be ${expected}. Received ${describe(value)}`
  return coded(RangeError, message, 'ERR_OUT_OF_RANGE')
}

/** A range that does not fit into a Buffer of this Node. */
export function tooLarge(path: string, offset: number, length: number, most: number): RangeError {
  const message =
    `'${path}' (${length} bytes at offset ${offset}): the largest Buffer holds ${most} bytes; ` +
    'read the range in parts, or use chunks()'
  return coded(RangeError, message, 'ERR_OUT_OF_RANGE', { path, offset, length })
}

/** A range that must be complete, of which the file has only a part. */
export function pastEnd(path: string, offset: number, length: number, end: number): RangeError {
  const message =
    `'${path}' (${length} bytes at offset ${offset}): the file ends at ${end}, so it is incomplete or was truncated; ` +
    'replace it by a complete copy, and open it again'
  return coded(RangeError, message, 'ERR_OUT_OF_RANGE', { path, offset, length })
}

/** A view of a range whose bytes were replaced by zeros while it was used: the file was truncated, and has grown again. */
export function cutInUse(path: string, offset: number, length: number): Error {
  const message =
    `'${path}' (${length} bytes at offset ${offset}): the file was truncated while a view of this range was in use, so the ` +
    'view shows zeros instead; read the range again'
  return coded(Error, message, 'ERR_FILE_TRUNCATED', { path, offset, length })
}

/** A path that Node's permission model forbids. */
export function accessDenied(permission: string, flag: string, resource: string): Error {
  const message = `Access to this API has been restricted. Use ${flag} to manage permissions. Refused: '${resource}'`
  return coded(Error, message, 'ERR_ACCESS_DENIED', { permission, resource })
}

/** A write to a position of a file that was opened for appending. */
export function appendsOnly(path: string, flags: string): Error {
  const message = `EBADF: bad file descriptor, write '${path}': with flags '${flags}' only append() writes; open it with flags 'r+'`
  return coded(Error, message, 'EBADF', { errno: -constants.errno.EBADF, syscall: 'write', path })
}

/** A call on a handle after its close(). */
export function fileClosed(path: string): Error {
  return coded(Error, `'${path}' is closed; open it again to read from it`, 'ERR_FILE_CLOSED', { path })
}

/** close({ unmap: true }) after a close() that left the views mapped. */
export function closedWithoutUnmap(path: string): Error {
  const message =
    `'${path}' was closed without { unmap: true }, so its views are unmapped when they are garbage-collected; ` +
    'pass { unmap: true } to the first close()'
  return coded(Error, message, 'ERR_FILE_CLOSED', { path })
}

/** A call that this version, platform or runtime does not support. */
export function unsupported(message: string): Error {
  return coded(Error, message, 'ERR_UNSUPPORTED')
}

/** A trace that this machine does not allow. The error has the obstacle. */
export function cannotTrace(subject: string, obstacle: { name: string; reason: string }): Error {
  return coded(Error, `${subject} cannot be traced here: ${obstacle.reason}`, 'ERR_UNSUPPORTED', { obstacle })
}

/**
 * Rejects with the error of a job, after adding the stack of its caller. A promise resolves to this one only where its
 * job has failed: V8 then finds the functions that wait for the promise, and jobs that succeed cost nothing.
 */
export async function withCallersStack(error: unknown): Promise<never> {
  // Waits until the promise that resolves to this one is subscribed to it.
  await undefined
  await undefined
  addStack(error, withCallersStack)
  throw error
}

/**
 * Adds the frames of the functions that called `top`, and that wait for them, to an error of a job, which has no
 * frames.
 */
export function addStack(error: unknown, top: (...args: never[]) => unknown = addStack): void {
  if (error instanceof Error) Error.captureStackTrace(error, top)
}

/** The stack above the function `top`. It is formatted only where it is read. */
export function framesAbove(top: (...args: never[]) => unknown): { readonly stack?: unknown } {
  const here = {}
  Error.captureStackTrace(here, top)
  return here
}

/** Replaces the frames of an error by those of an earlier moment. */
export function addFrames(error: unknown, { stack }: { readonly stack?: unknown }): void {
  if (!(error instanceof Error) || typeof stack !== 'string') return
  const frames = stack.indexOf('\n    at ')
  if (frames >= 0) error.stack = `${error.name}: ${error.message}${stack.slice(frames)}`
}

function describe(value: unknown): string {
  try {
    if (typeof value === 'function') return `function ${value.name}`
    if (typeof value === 'object' && value !== null) return `an instance of ${value.constructor?.name ?? 'Object'}`
  } catch {
    // The value has no name, or its getters throw.
    return `type ${typeof value}`
  }
  const text = inspect(value)
  return value === undefined || value === null ? text : `type ${typeof value} (${text})`
}
