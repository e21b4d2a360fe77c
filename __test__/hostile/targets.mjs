// Targets that a caller may pass: all kinds of views on all kinds of memory, honest ones and tampered ones, and what may be
// done to them while a read is under way.

import fc from 'fast-check'
import { TYPE, VALUE } from './values.mjs'

export const UNTOUCHED = 0xa5
const AROUND = 16
const WIDE = 8

const views = {
  Uint8Array,
  Int16Array,
  Uint8ClampedArray,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
}

class Liar extends Uint8Array {
  static get [Symbol.species]() {
    return Array
  }
  get length() {
    return 2 ** 40
  }
  get byteLength() {
    return 2 ** 40
  }
  get byteOffset() {
    return -1
  }
  get buffer() {
    return new ArrayBuffer(1)
  }
  set() {
    throw new Error('set() of the target was called')
  }
  subarray() {
    throw new Error('subarray() of the target was called')
  }
}

const LIES = [
  { byteLength: 2 ** 40, length: 2 ** 40 },
  { byteLength: 0, length: 0 },
  { buffer: null, byteOffset: 77 },
]

const on = (memory, from, length, View = Uint8Array) => new View(memory, from, length / (View.BYTES_PER_ELEMENT ?? 1))
const resizable = size => new ArrayBuffer(size, { maxByteLength: 2 * size })

/** Each makes the view of `length` bytes that begins at AROUND, in memory of `size` bytes. */
const kinds = {
  Buffer: (size, length) => Buffer.from(new ArrayBuffer(size), AROUND, length),
  ...Object.fromEntries(
    Object.entries(views).map(([name, View]) => [
      name,
      (size, length) => on(new ArrayBuffer(size), AROUND, length, View),
    ]),
  ),
  shared: (size, length) => on(new SharedArrayBuffer(size), AROUND, length),
  growable: (size, length) => on(new SharedArrayBuffer(size, { maxByteLength: 2 * size }), AROUND, length),
  resizable: (size, length) => on(resizable(size), AROUND, length),
  'resizable DataView': (size, length) => on(resizable(size), AROUND, length, DataView),
  'length-tracking': size => new Uint8Array(resizable(size), AROUND),
  'length-tracking DataView': size => new DataView(resizable(size), AROUND),
  liar: (size, length) => new Liar(new ArrayBuffer(size), AROUND, length),
  'with own properties': (size, length, which) => {
    const target = on(new ArrayBuffer(size), AROUND, length, which % 2 ? Uint8Array : DataView)
    for (const [name, value] of Object.entries(LIES[which % LIES.length]))
      Object.defineProperty(target, name, { value })
    return target
  },
  'without a prototype': (size, length, which) =>
    Object.setPrototypeOf(on(new ArrayBuffer(size), AROUND, length, which % 2 ? Uint8Array : Float64Array), null),
  'with a foreign prototype': (size, length) =>
    Object.setPrototypeOf(on(new ArrayBuffer(size), AROUND, length), DataView.prototype),
}

const wrong = [
  undefined,
  null,
  5,
  'target',
  [1, 2],
  {},
  new ArrayBuffer(8),
  new SharedArrayBuffer(8),
  Object.create(Uint8Array.prototype),
  { buffer: new ArrayBuffer(8), byteOffset: 0, byteLength: 8, length: 8 },
  new Proxy(new Uint8Array(8), {}),
]

const MEDDLING = ['none', 'transfer', 'shrink', 'shrink and grow', 'grow', 'to nothing']

/** Descriptions of targets of up to 64 KiB, mostly short, and what happens to them when. */
export const targets = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constantFrom(...Object.keys(kinds), 'Buffer', 'resizable', 'length-tracking'),
      length: fc
        .oneof({ weight: 6, arbitrary: fc.nat(600) }, fc.constant(0), fc.nat(8192))
        .map(eights => eights * WIDE),
      which: fc.nat(5),
      meddling: fc.constantFrom('none', 'transfer', 'transfer', ...MEDDLING),
      when: fc.constantFrom('at once', 'later', 'later'),
    }),
  },
  { weight: 2, arbitrary: fc.constantFrom(...wrong.keys()).map(which => ({ kind: 'wrong', which })) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('detached', 'out of bounds'), which: fc.nat(2) }) },
)

/** The same, and rarely one on the memory of WebAssembly, which reserves gigabytes of address space each time. */
export const withWasm = fc.oneof(
  { weight: 300, arbitrary: targets },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('wasm'),
      length: fc.nat(2000).map(eights => eights * WIDE),
      meddling: fc.constantFrom('none', 'grow'),
      when: fc.constantFrom('at once', 'later'),
    }),
  },
)

const TypedArray = Object.getPrototypeOf(Uint8Array)
const getter = (prototype, name) => Object.getOwnPropertyDescriptor(prototype, name).get
const bufferOf = view => {
  for (const prototype of [TypedArray.prototype, DataView.prototype]) {
    try {
      return getter(prototype, 'buffer').call(view)
    } catch {}
  }
}

function refused({ kind, which }) {
  if (kind === 'wrong') return { target: wrong[which], refusal: TYPE }
  const memory = kind === 'detached' ? new ArrayBuffer(64) : resizable(64)
  const target = [
    () => new Uint8Array(memory, 0, 64),
    () => new DataView(memory, 8, 8),
    () => new Float64Array(memory, 8, 4),
  ][which]()
  if (kind === 'detached') structuredClone(memory, { transfer: [memory] })
  else memory.resize(4)
  return { target, refusal: VALUE }
}

/**
 * A target as it is described: `target` itself, how many bytes it has (`room`) or its `refusal`, `look()` at the bytes of
 * its memory from the target's first one on, wherever that memory is by now, and `meddle()`.
 */
export function makeTarget(description) {
  const { kind, length, which = 0, meddling = 'none', when } = description
  if (length === undefined) return { ...refused(description), room: 0, intact: () => true }
  const size = length + 2 * AROUND
  const wasm = kind === 'wasm' ? new WebAssembly.Memory({ initial: 1, maximum: 2 }) : undefined
  const target = wasm ? on(wasm.buffer, AROUND, length) : kinds[kind](size, length, which)
  let memory = wasm?.buffer ?? bufferOf(target)
  new Uint8Array(memory).fill(UNTOUCHED)
  const tracks = kind.startsWith('length-tracking')
  const room = tracks ? length + AROUND : length
  let smallest = memory.byteLength

  const resize = to => {
    if (!memory.resizable) return
    memory.resize(to)
    smallest = Math.min(smallest, to)
  }
  const meddlings = {
    none() {},
    transfer() {
      if (memory instanceof ArrayBuffer) memory = structuredClone(memory, { transfer: [memory] })
    },
    shrink: () => resize(AROUND + Math.floor(length / 2)),
    'shrink and grow'() {
      resize(AROUND + Math.floor(length / 2))
      resize(2 * size)
    },
    grow() {
      // The old buffer of a WebAssembly memory is detached by that.
      if (wasm) {
        wasm.grow(1)
        memory = wasm.buffer
      } else if (memory.growable) memory.grow(2 * size)
      else resize(2 * size)
    },
    'to nothing': () => resize(0),
  }
  return {
    target,
    room,
    when: meddling === 'none' ? undefined : when,
    meddle: meddlings[meddling],
    /** Whether a read may be refused for what was done to its target. */
    mayFail: meddling !== 'none' && (meddling !== 'grow' || wasm !== undefined),
    /** The bytes that have been the target's all the time. */
    look: () => new Uint8Array(memory, Math.min(AROUND, memory.byteLength)).subarray(0, Math.max(0, smallest - AROUND)),
    /** Whether nothing but the first `written` bytes of the target may have changed. */
    intact(written) {
      const bytes = new Uint8Array(memory).subarray(0, smallest)
      const end = AROUND + written
      return (
        bytes.subarray(0, AROUND).every(untouched) &&
        bytes.subarray(end, Math.min(bytes.length, end + 64)).every(untouched)
      )
    },
    /** Gives each byte of the memory a value of its own, counted from the target's first byte on. */
    paint(first) {
      const bytes = new Uint8Array(memory)
      for (let index = 0; index < bytes.length; index++) bytes[index] = first + index - AROUND
    },
    fill: byte => new Uint8Array(memory).fill(byte),
    filledWith: byte => new Uint8Array(memory).every(one => one === byte),
  }
}

const untouched = byte => byte === UNTOUCHED
