// Targets: memory of callers that is to be filled or written, whatever they have done to it or will do meanwhile.
//
// What a target says of itself may be a lie: a subclass, or a property of its own, can answer anything. So it is asked through
// the getters and methods of the language itself, taken before anybody could replace them.

import { types } from 'node:util'
import { invalidArgType, invalidArgValue, outOfRange } from './errors.js'

const typedArray = Object.getPrototypeOf(Uint8Array.prototype)
const ofTypedArrays = getters(typedArray)
const ofDataViews = getters(DataView.prototype)
const { call } = Function.prototype
/** Where a byte first occurs, or -1; throws where the memory is lost. */
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

/** The bytes of a caller's memory, as they are at this moment. */
export function toBytes(target: unknown, name = 'target'): Uint8Array {
  const bytes = types.isUint8Array(target) ? target : bytesOf(target, name)
  // Detached memory, and what lies outside of memory that was made smaller, counts as no bytes; and yet it is not an empty
  // target, but a mistake.
  if (sizeOf(bytes) === 0) {
    try {
      indexOf(bytes, 0)
    } catch {
      throw lost(target, name)
    }
  }
  return bytes
}

function bytesOf(target: unknown, name: string): Uint8Array {
  if (!ArrayBuffer.isView(target)) {
    throw invalidArgType(name, 'an instance of Buffer, TypedArray, or DataView', target)
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

/** How many bytes it has at this moment. */
export const sizeOf = ofTypedArrays.byteLength as (bytes: Uint8Array) => number

/** How many elements a typed array has, whatever it says itself. */
export const lengthOf = call.bind(Object.getOwnPropertyDescriptor(typedArray, 'length')?.get as () => number) as (
  list: NodeJS.TypedArray,
) => number

/** The memory that it is a part of, and where in it it begins. */
export const bufferOf = ofTypedArrays.buffer as (bytes: Uint8Array) => ArrayBuffer
export const startOf = ofTypedArrays.byteOffset as (bytes: Uint8Array) => number

/** Refuses a caller's target that has been made smaller, or was transferred, while its read was under way. */
export function mustHaveRoom(target: Uint8Array, length: number): void {
  const room = sizeOf(target)
  if (length > room) {
    throw outOfRange('target.byteLength', 'as large as it was when the read began', room)
  }
}

/** Copies a part of one memory to another that has room for it; for nothing, either may have lost its memory. */
export function copyTo(target: Uint8Array, at: number, source: Uint8Array, from: number, length: number): void {
  // Not by subarray(), which asks the source's class for what it makes: a caller's class, where the source is a caller's.
  if (length > 0) set(target, new Uint8Array(bufferOf(source), startOf(source) + from, length), at)
}
