// The prototypes of the language, with one of their methods or getters replaced by one that throws or lies.

const TypedArray = Object.getPrototypeOf(Uint8Array)

const places = [
  ...['length', 'byteLength', 'byteOffset', 'buffer', 'subarray', 'set', 'fill', 'slice', 'indexOf'].map(name => [
    TypedArray.prototype,
    name,
  ]),
  ...['byteLength', 'byteOffset', 'buffer'].map(name => [DataView.prototype, name]),
  [ArrayBuffer.prototype, 'byteLength'],
  [SharedArrayBuffer.prototype, 'byteLength'],
  ...['copy', 'subarray', 'equals'].map(name => [Buffer.prototype, name]),
  [TypedArray, Symbol.species],
]

const answers = [
  () => {
    throw new Error('tampered with')
  },
  () => 2 ** 40,
  function () {
    return this
  },
]

/** How many ways of tampering there are. */
export const TAMPERINGS = places.length * answers.length

/** Runs something while the language is tampered with in the way of this number, or not at all without one. */
export function tampered(number, run) {
  if (number === undefined) return run()
  // What Node itself cuts short Buffers from is made now, and not while it is lied to: it would be spoilt for good.
  const { buffer } = Buffer.allocUnsafe(1)
  while (Buffer.allocUnsafe(512).buffer === buffer);
  const [prototype, name] = places[number % places.length]
  const answer = answers[Math.floor(number / places.length)]
  const original = Object.getOwnPropertyDescriptor(prototype, name)
  Object.defineProperty(prototype, name, {
    configurable: true,
    ...(original.get ? { get: answer } : { value: answer, writable: true }),
  })
  try {
    return run()
  } finally {
    Object.defineProperty(prototype, name, original)
  }
}
