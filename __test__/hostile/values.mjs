// What callers may pass for a position, a length, options or a path, and how each must be taken: independent of lib/.

import fc from 'fast-check'

export const TYPE = 'TypeError ERR_INVALID_ARG_TYPE'
export const VALUE = 'TypeError ERR_INVALID_ARG_VALUE'
export const RANGE = 'RangeError ERR_OUT_OF_RANGE'
export const CLOSED = 'Error ERR_FILE_CLOSED'

const LARGEST = Number.MAX_SAFE_INTEGER

/** Of no type that a position, a length or an object of options can have. */
const junk = fc.constantFrom(
  null,
  true,
  false,
  '',
  '0',
  '1e3',
  'NaN',
  [],
  [0],
  () => 1,
  Symbol('7'),
  new Date(1),
  Object(1),
  { valueOf: () => 1 },
  { toString: () => '1' },
  { [Symbol.toPrimitive]: () => 1 },
  Object.create(null),
  new Proxy({}, {}),
  { constructor: { name: Symbol('no text') } },
)

const badNumbers = fc.oneof(
  fc.constantFrom(-1, 0.5, -0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  fc.constantFrom(LARGEST + 1, -LARGEST, 2 ** 63, 2 ** 64, 1e300, Number.MIN_VALUE, 4294967296.5),
  fc.double({ max: -1e-9 }),
)
const badBigints = fc.constantFrom(-1n, BigInt(LARGEST) + 1n, 2n ** 63n, 2n ** 64n, -(2n ** 64n), 10n ** 40n)
const huge = fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 40, LARGEST)

/** Positions in and around a file of `size` bytes, and what is none. */
export function offsets(size) {
  const within = fc.nat(size + 10)
  const edges = fc.constantFrom(0, -0, 1, 4095, 4096, 4097, Math.max(0, size - 1), size, size + 1, size + 4096)
  return fc.oneof(
    { weight: 12, arbitrary: within },
    { weight: 4, arbitrary: edges },
    { weight: 3, arbitrary: within.map(BigInt) },
    { weight: 1, arbitrary: huge },
    { weight: 1, arbitrary: huge.map(BigInt) },
    { weight: 1, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: junk },
    { weight: 1, arbitrary: badNumbers },
    { weight: 1, arbitrary: badBigints },
  )
}

/** Lengths, mostly short, and what is none. */
export function lengths(size) {
  return fc.oneof(
    { weight: 14, arbitrary: fc.nat(3000) },
    { weight: 4, arbitrary: fc.nat(40_000) },
    { weight: 2, arbitrary: fc.constantFrom(0, -0, 1, 4096) },
    { weight: 1, arbitrary: fc.nat(size) },
    { weight: 1, arbitrary: huge },
    { weight: 1, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: junk },
    { weight: 1, arbitrary: badNumbers },
    { weight: 1, arbitrary: fc.constantFrom(1n, 0n) },
  )
}

/** Positions as slice() takes them: negative ones count from the end. */
export function positions(size) {
  return fc.oneof(
    { weight: 10, arbitrary: fc.integer({ min: -size - 10, max: size + 10 }) },
    { weight: 1, arbitrary: fc.constantFrom(0, -0, -1, LARGEST, -LARGEST) },
    { weight: 1, arbitrary: junk },
    { weight: 1, arbitrary: badNumbers },
    { weight: 1, arbitrary: fc.constantFrom(1n, undefined) },
  )
}

/** Options with a signal, live, aborted or none; `abort` says whether a live one is aborted while the call is under way. */
export const options = fc.oneof(
  { weight: 12, arbitrary: fc.constant({ kind: 'none' }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'empty' }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('live'), abort: fc.constantFrom('never', 'at once', 'later') }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'aborted' }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('junk'), value: junk }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('junk signal'), value: junk }) },
)

/** The options themselves, what they refuse, and how to abort. */
export function makeOptions({ kind, abort, value }) {
  if (kind === 'none') return { value: undefined, refusals: [] }
  if (kind === 'empty') return { value: {}, refusals: [] }
  const reason = new Error(`the reason of ${kind}`)
  if (kind === 'aborted') return { value: { signal: AbortSignal.abort(reason) }, refusals: [reason] }
  if (kind === 'live') {
    const controller = new AbortController()
    return {
      value: { signal: controller.signal },
      refusals: [],
      when: abort,
      reason,
      abort: () => controller.abort(reason),
    }
  }
  if (kind === 'junk signal') return { value: { signal: value }, refusals: [TYPE] }
  // An object is an object of options, though it may have none; others than those that there are, are refused.
  if (typeof value !== 'object' || value === null) return { value, refusals: [TYPE] }
  return { value, refusals: Object.keys(value).length > 0 ? [VALUE] : [] }
}

const safe = value => Number.isSafeInteger(value) && value >= 0

/** How a position must be taken: `{ is }` or `{ refusal }`. Undefined is 0 where there is a default. */
export function asOffset(value, hasDefault = true) {
  if (value === undefined && hasDefault) return { is: 0 }
  if (typeof value === 'number') return safe(value) ? { is: value } : { refusal: RANGE }
  if (typeof value !== 'bigint') return { refusal: TYPE }
  return value >= 0n && value <= BigInt(LARGEST) ? { is: Number(value) } : { refusal: RANGE }
}

/** How a length must be taken. Undefined means all the rest, where that is allowed. */
export function asLength(value, hasDefault = true) {
  if (value === undefined && hasDefault) return { is: Number.POSITIVE_INFINITY }
  if (typeof value !== 'number') return { refusal: TYPE }
  return safe(value) ? { is: value } : { refusal: RANGE }
}

/** How a position of slice() in a file of `size` bytes must be taken. */
export function asPosition(value, size, hasDefault) {
  if (value === undefined && hasDefault) return { is: size }
  if (typeof value !== 'number') return { refusal: TYPE }
  if (!safe(Math.abs(value))) return { refusal: RANGE }
  return { is: value < 0 ? Math.max(0, size + value) : Math.min(size, value) }
}

/** The refusals of several arguments: whichever is looked at first may be the one that is told. */
export const refusalsOf = (...taken) => taken.flatMap(({ refusal }) => (refusal === undefined ? [] : [refusal]))
