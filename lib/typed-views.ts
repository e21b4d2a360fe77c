// view() with `as`: a typed array over mapped bytes, in one call.

import { type Cancellable, toLength, toOffset, toSignal } from './arguments.js'
import { invalidArgType, outOfRange } from './errors.js'
import type { Handle } from './handle.js'
import { isGiven, option } from './language.js'
import { viewOf } from './views.js'

/** All typed arrays. */
const TYPES = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const

/** The class Float16Array, where the version of Node has it. */
export interface Float16Type {
  readonly BYTES_PER_ELEMENT: number
  readonly name: string
  new (
    buffer: ArrayBufferLike,
    byteOffset?: number,
    length?: number,
  ): ArrayBufferView & { readonly [Symbol.toStringTag]: 'Float16Array' }
}

const { Float16Array } = globalThis as { Float16Array?: Float16Type }

/** The class of a typed array, such as `Float32Array`. */
export type ArrayType = (typeof TYPES)[number] | Float16Type

/** A typed array of this class over this memory. */
export type ArrayOver<Type extends ArrayType, Memory extends ArrayBufferLike> = Type extends Int8ArrayConstructor
  ? Int8Array<Memory>
  : Type extends Uint8ArrayConstructor
    ? Uint8Array<Memory>
    : Type extends Uint8ClampedArrayConstructor
      ? Uint8ClampedArray<Memory>
      : Type extends Int16ArrayConstructor
        ? Int16Array<Memory>
        : Type extends Uint16ArrayConstructor
          ? Uint16Array<Memory>
          : Type extends Int32ArrayConstructor
            ? Int32Array<Memory>
            : Type extends Uint32ArrayConstructor
              ? Uint32Array<Memory>
              : Type extends Float32ArrayConstructor
                ? Float32Array<Memory>
                : Type extends Float64ArrayConstructor
                  ? Float64Array<Memory>
                  : Type extends BigInt64ArrayConstructor
                    ? BigInt64Array<Memory>
                    : Type extends BigUint64ArrayConstructor
                      ? BigUint64Array<Memory>
                      : InstanceType<Type>

/** Options of a view that is a typed array. */
export interface TypedViewOptions<Type extends ArrayType> extends Cancellable {
  /** The class of the typed array. */
  as: Type
}

const OPTIONS = ['as', 'signal']

/**
 * Whether options ask for a typed array. `as: undefined` does, and is refused: it is a class that this version of Node
 * does not have.
 */
export const isTyped = (options: unknown): options is TypedViewOptions<ArrayType> =>
  typeof options === 'object' && options !== null && isGiven(options as TypedViewOptions<ArrayType>, 'as')

/** A view as a typed array, without an incomplete element at the end of the file. */
export async function typedView(
  handle: Handle,
  offset: unknown,
  length: unknown,
  options: TypedViewOptions<ArrayType>,
): Promise<InstanceType<ArrayType>> {
  const given: unknown = option(options, 'as')
  const Type = [...TYPES, Float16Array].find(type => type === given)
  if (!Type) throw invalidArgType('options.as', 'a class of typed arrays that this Node has, as Float32Array', given)
  const size = Type.BYTES_PER_ELEMENT
  const start = toOffset(offset)
  const multiple = `a multiple of ${size}, the element size of ${Type.name}`
  if (start % size !== 0) throw outOfRange('offset', `${multiple}; slice() copies from any offset`, start)
  if (length !== undefined && toLength(length) % size !== 0) throw outOfRange('length', multiple, length)
  const signal = toSignal(options, OPTIONS)
  const { offset: from, count } = handle.range(start, length)
  const whole = count - (count % size)
  const view = await viewOf(handle, { offset: from, count: whole, signal })
  return new Type(view.buffer as ArrayBuffer, whole === 0 ? 0 : view.byteOffset, whole / size)
}
