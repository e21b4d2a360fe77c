// Targets: memory of callers that is filled or written, and that callers may change at any time.
//
// The properties of a target can be overridden, by a subclass or on the object itself. So they are read through the
// getters and methods of the language, saved before a program could replace them.

import { types } from 'node:util'
import { invalidArgType, invalidArgValue, outOfRange } from './errors.js'

const typedArray = Object.getPrototypeOf(Uint8Array.prototype)
const ofTypedArrays = getters(typedArray)
const ofDataViews = getters(DataView.prototype)
const { call } = Function.prototype
/** The index of the first occurrence of a byte, or -1; throws where the memory is lost. */
export const indexOf = call.bind(typedArray.indexOf) as (bytes: Uint8Array, element: number) => number
const set = call.bind(typedArray.set) as (bytes: Uint8Array, source: Uint8Array, at: number) => void

function getters(prototype: object) {
  const getter = (name: string) => {
    const { get } = Object.getOwnPropertyDescriptor(prototype, name) as { get(): unknown }
    return Function.prototype.call.bind(get) as (view: unknown) => unknown
  }
  return {
    buffer: getter('buffer') as (view: unknown) => ArrayBuffer,
    byteOffset: getter('byteOffset') as (view: unknown) => number,
    byteLength: getter('byteLength') as (view: unknown) => number,
  }
}

/** The bytes of the memory of a caller at this moment. `alternative` is for the message: other accepted types. */
export function toBytes(target: unknown, name = 'target', alternative = ''): Uint8Array {
  const bytes = types.isUint8Array(target) ? target : bytesOf(target, name, alternative)
  // Detached memory has no bytes, and neither has a view that is out of bounds because its buffer was made smaller.
  // That is a mistake of the caller, not an empty target.
  if (sizeOf(bytes) === 0) {
    try {
      indexOf(bytes, 0)
    } catch {
      throw lost(target, name)
    }
  }
  return bytes
}

function bytesOf(target: unknown, name: string, alternative: string): Uint8Array {
  if (!ArrayBuffer.isView(target)) {
    const cure = types.isAnyArrayBuffer(target) ? 'Wrap it: new Uint8Array(buffer)' : undefined
    throw invalidArgType(name, `${alternative}an instance of Buffer, TypedArray, or DataView`, target, cure)
  }
  const { buffer, byteOffset, byteLength } = types.isTypedArray(target) ? ofTypedArrays : ofDataViews
  try {
    if (types.isTypedArray(target)) indexOf(target as Uint8Array, 0)
    return new Uint8Array(buffer(target), byteOffset(target), byteLength(target))
  } catch {
    throw lost(target, name)
  }
}

function lost(target: unknown, name: string): TypeError {
  return invalidArgValue(name, 'has lost its memory: its buffer was transferred or made smaller', target)
}

/** The number of bytes at this moment. */
export const sizeOf = ofTypedArrays.byteLength as (bytes: Uint8Array) => number

/** The number of elements of a typed array, even where its own property is overridden. */
export const lengthOf = call.bind(Object.getOwnPropertyDescriptor(typedArray, 'length')?.get as () => number) as (
  list: NodeJS.TypedArray,
) => number

/** The buffer of a target, and its offset there. */
export const bufferOf = ofTypedArrays.buffer as (bytes: Uint8Array) => ArrayBuffer
export const startOf = ofTypedArrays.byteOffset as (bytes: Uint8Array) => number

/** Refuses a target that was made smaller or transferred during its read. */
export function mustHaveRoom(target: Uint8Array, length: number): void {
  const size = sizeOf(target)
  if (length > size) {
    throw outOfRange('target.byteLength', 'as large as it was when the read began', size)
  }
}

/** Copies bytes to a target that is large enough. Where `length` is 0, either may have lost its memory. */
export function copyTo(target: Uint8Array, at: number, source: Uint8Array, from: number, length: number): void {
  // Not by subarray(), which would call the class of the source, and that may be a class of the caller.
  if (length > 0) set(target, new Uint8Array(bufferOf(source), startOf(source) + from, length), at)
}
