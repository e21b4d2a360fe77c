// Every method with arguments of all kinds, on files that stay as they are: what it is called with, what must come of it, and
// how that is checked.

import { types } from 'node:util'
import fc from 'fast-check'
import { MappedFile, mmapRead } from 'faultless'
import { genericFilehandle, geotiffSource, pmtilesSource, zarritaReader } from 'faultless/sources'
import { expected, must, sameBytes, told } from './judging.mjs'
import { makeTarget, withWasm } from './targets.mjs'
import {
  asLength,
  asOffset,
  asPosition,
  CLOSED,
  lengths,
  makeOptions,
  offsets,
  options,
  positions,
  RANGE,
  refusalsOf,
  TYPE,
  VALUE,
} from './values.mjs'

const PAGE = 4096
const MOST_CHUNKS = 8
const LARGEST = Number.MAX_SAFE_INTEGER
const ABORTED = 'AbortError ABORT_ERR'

const cut = (size, offset, length) => Math.max(0, Math.min(length, size - offset))

/** Methods of a handle that give the bytes of one range. */
export function reading(call, { hasDefaults = true, takesOptions = true, maybe = false } = {}) {
  return {
    arguments: size =>
      fc.record({
        offset: offsets(size),
        length: lengths(size),
        options: takesOptions ? options : fc.constant({ kind: 'none' }),
      }),
    begin(world, { offset, length, options: described }) {
      const { value, refusals, reason, ...signal } = makeOptions(described)
      const [from, much] = [asOffset(offset, hasDefaults), asLength(length)]
      return {
        ...signal,
        run: () => call(world, offset, length, value),
        ...expected({
          refusals: [...refusals, ...refusalsOf(from, much)],
          excuses: [reason],
          check(bytes) {
            if (maybe && bytes === undefined) return
            sameBytes(world, from.is, much.is, bytes, 'the result')
          },
        }),
      }
    },
  }
}

/** Methods that fill a target with one range. */
export function filling(call, { hasDefaults = true, takesOptions = true, maybe = false } = {}) {
  return {
    arguments: size =>
      fc.record({
        target: withWasm,
        offset: offsets(size),
        options: takesOptions ? options : fc.constant({ kind: 'none' }),
      }),
    begin(world, { target: description, offset, options: described }) {
      const { value, refusals, reason, ...signal } = makeOptions(described)
      const target = makeTarget(description)
      const from = asOffset(offset, hasDefaults)
      return {
        ...signal,
        target,
        run: () => call(world, target.target, offset, value),
        ...expected({
          refusals: [...refusals, ...refusalsOf(target, from)],
          excuses: [reason, target.mayFail ? RANGE : undefined],
          check(written) {
            if (maybe && written === undefined)
              return must(target.intact(0), 'a target was written that was not reported')
            const [least, most] = world.span(from.is, target.room)
            must(written >= least && written <= most, `${written} bytes written instead of ${most}`)
            must(target.intact(written), 'more was written than was asked for')
            must(world.mayHold(from.is, target.look().subarray(0, written)), 'wrong bytes in the target')
          },
          rejected: () =>
            must(target.intact(world.span(from.is, target.room)[1] || 0), 'something else than the target was written'),
        }),
      }
    },
  }
}

/** Methods that do something about a range and give nothing; `allowed` may refuse what its arguments do not. */
export function acting(call, { takesOptions = false, allowed = [] } = {}) {
  return {
    arguments: reading(call, { takesOptions }).arguments,
    begin(world, args) {
      const begun = reading(call, { takesOptions }).begin(world, args)
      const refusals = begun.refusals.length > 0 ? begun.refusals : allowed
      return { ...begun, ...expected({ refusals, excuses: begun.excuses }) }
    },
  }
}

/** lock(), unlock() and advise(): the same for every file. */
export const keeping = {
  // Who may not lock as much as that is told so.
  lock: {
    ...acting(({ file }, ...args) => file.lock(...args)),
    begin(world, args) {
      const begun = acting(({ file }, ...rest) => file.lock(...rest)).begin(world, args)
      return { ...begun, excuses: process.getuid?.() === 0 ? [] : ['Error ENOMEM', 'Error EPERM'] }
    },
  },
  unlock: acting(({ file }, ...args) => file.unlock(...args)),
  advise: {
    arguments: size => fc.record({ advice: advices, offset: offsets(size), length: lengths(size) }),
    begin(world, { advice, offset, length }) {
      const told = typeof advice !== 'string' ? [TYPE] : ADVICES.includes(advice) ? [] : [VALUE]
      return {
        run: () => world.file.advise(advice, offset, length),
        ...expected({ refusals: [...told, ...refusalsOf(asOffset(offset), asLength(length))] }),
      }
    },
  },
}

/** write() with flags 'r': refused for its arguments, and then for the mode. */
const writing = {
  arguments: size => fc.record({ target: withWasm, offset: offsets(size) }),
  begin(world, { target: description, offset }) {
    const target = makeTarget(description)
    const from = asOffset(offset, false)
    // Text is written as UTF-8.
    const isText = typeof target.target === 'string'
    const room = isText ? Buffer.byteLength(target.target) : target.room
    const refusals = [...refusalsOf(...(isText ? [] : [target]), from), ...(from.is + room > LARGEST ? [RANGE] : [])]
    return {
      target,
      run: () => world.file.write(target.target, offset),
      ...expected({ refusals: refusals.length > 0 ? refusals : ['Error EBADF'] }),
    }
  },
}

/** What packages call of faultless/sources, as far as it takes ranges; `bytesOf` what it gives. */
function source(call, bytesOf, { short = () => false, takesSignal = true } = {}) {
  return {
    arguments: size =>
      fc.record({
        offset: offsets(size),
        length: lengths(size),
        signal: takesSignal ? signals : fc.constant({ kind: 'none' }),
      }),
    begin(world, { offset, length, signal: described }) {
      const { value, refusals, reason, ...signal } = makeOptions(described)
      const [from, much] = [asOffset(offset, false), asLength(length, false)]
      const refused = [...refusals, ...refusalsOf(from, much)]
      const tooShort = refused.length === 0 && short(from.is, much.is, world.size)
      return {
        ...signal,
        run: () => call(world.file, offset, length, value?.signal),
        ...expected({
          // An abort may come before the end of the file is met.
          refusals: tooShort ? [RANGE, reason] : refused,
          excuses: [reason],
          check: result => sameBytes(world, from.is, much.is, Buffer.from(bytesOf(result)), 'the result'),
        }),
      }
    },
  }
}

const memberNames = Reflect.ownKeys(MappedFile.prototype).filter(name => name !== 'constructor')

const listed = size =>
  fc.oneof(
    { weight: 8, arbitrary: fc.array(fc.record({ offset: offsets(size), length: lengths(size) }), { maxLength: 5 }) },
    {
      weight: 8,
      arbitrary: fc.array(fc.record({ offset: fc.nat(size), length: fc.nat(3000) }), { maxLength: 12 }),
    },
    { weight: 2, arbitrary: fc.constantFrom(undefined, null, 5, 'ranges', {}, new Set(), new Float64Array(2)) },
    { weight: 1, arbitrary: fc.constantFrom([null], [undefined], [5], ['range'], [[]], [{}]) },
  )

/** readMany and readManySettled. */
function many(method, check) {
  return {
    arguments: size => fc.record({ ranges: listed(size), options }),
    begin(world, { ranges, options: described }) {
      const { value, refusals, reason, ...signal } = makeOptions(described)
      const isList = typeof ranges === 'object' && ranges !== null && Symbol.iterator in ranges
      const { excuses = [], ...judging } = check(world, isList ? Array.from(ranges, range => taken(world, range)) : [])
      return {
        ...signal,
        run: () => world.file[method](ranges, value),
        ...expected({
          refusals: [...refusals, ...(isList ? [] : [TYPE])],
          excuses: [reason, ...excuses],
          ...judging,
        }),
      }
    },
  }
}

function taken(world, range) {
  if (typeof range !== 'object' || range === null) return { refusals: [TYPE] }
  const [from, much] = [asOffset(range.offset, false), asLength(range.length, false)]
  return { refusals: refusalsOf(from, much), offset: from.is, count: cut(world.size, from.is, much.is) }
}

const lying = list => Object.defineProperties(list, { length: { value: 2 ** 40 }, byteLength: { value: 0 } })

const records = size =>
  fc.oneof(
    { weight: 6, arbitrary: fc.array(fc.nat(size), { maxLength: 10 }) },
    { weight: 3, arbitrary: fc.array(fc.nat(size), { maxLength: 10 }).map(list => Float64Array.from(list)) },
    { weight: 3, arbitrary: fc.array(fc.nat(size), { maxLength: 10 }).map(list => BigUint64Array.from(list, BigInt)) },
    { weight: 2, arbitrary: fc.array(offsets(size), { maxLength: 4 }) },
    {
      weight: 1,
      arbitrary: fc.array(fc.double(), { minLength: 1, maxLength: 4 }).map(list => Float64Array.from(list)),
    },
    { weight: 1, arbitrary: fc.nat(size).map(offset => lying(Float64Array.of(offset, offset))) },
    { weight: 1, arbitrary: fc.constantFrom(undefined, null, 5, 'offsets', {}, new Int32Array(2), new Set()) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(Object.create(Float64Array.prototype), new Proxy(new Float64Array(1), {})),
    },
  )

const ADVICES = ['normal', 'random', 'sequential', 'willneed', 'dontneed']
const advices = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...ADVICES) },
  { weight: 1, arbitrary: fc.constantFrom('', 'Random', 'noreuse', '__proto__', undefined, null, 5, {}, ['random']) },
)

const isWhole = value => Number.isInteger(value) && value >= 0
/** Not so short that a stream has thousands of chunks. */
const highWaterMarks = size =>
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: Math.ceil(size / 40), max: size + 100_000 }) },
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(0, null, 2 ** 31, 2 ** 40, 2 ** 53, 1e300) },
    { weight: 1, arbitrary: fc.constantFrom(-1, 0.5, Number.NaN, '1000', {}, true, 5n, Number.POSITIVE_INFINITY) },
  )
const streamEnds = size =>
  fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: size, max: size + 10 }) },
    { weight: 4, arbitrary: offsets(size) },
    { weight: 1, arbitrary: fc.constant(Number.POSITIVE_INFINITY) },
  )

/** Options of which only the signal is passed on. */
const signals = options.filter(({ kind }) => !kind.startsWith('junk'))
const selves = fc.constantFrom(undefined, null, 5, 'file', {}, [], MappedFile, MappedFile.prototype, new Proxy({}, {}))

const methods = {
  read: reading(({ file }, ...args) => file.read(...args)),
  view: reading(({ file }, ...args) => file.view(...args)),
  mmapRead: reading(({ path }, ...args) => mmapRead(path, ...args)),
  tryRead: reading(({ file }, ...args) => file.tryRead(...args), {
    takesOptions: false,
    maybe: true,
  }),
  tryView: reading(({ file }, ...args) => file.tryView(...args), {
    takesOptions: false,
    maybe: true,
  }),
  readInto: filling(({ file }, ...args) => file.readInto(...args)),
  tryReadInto: filling(({ file }, ...args) => file.tryReadInto(...args), {
    hasDefaults: false,
    takesOptions: false,
    maybe: true,
  }),

  readMany: many('readMany', (world, each) => {
    const first = each.findIndex(({ refusals }) => refusals.length > 0)
    return {
      excuses: first < 0 ? [] : each[first].refusals,
      check(results) {
        must(first < 0, `range ${first} was not refused`)
        must(results.length === each.length, 'not as many results as ranges')
        for (const [index, { offset, count }] of each.entries())
          sameBytes(world, offset, count, results[index], `range ${index}`)
      },
      rejected({ code, index }) {
        must(index === undefined || index === first || code === 'ERR_FILE_CLOSED', `index ${index}, not ${first}`)
      },
    }
  }),

  readManySettled: many('readManySettled', (world, each) => ({
    check(results) {
      must(results.length === each.length, 'not as many results as ranges')
      for (const [index, { refusals, offset, count }] of each.entries()) {
        const { status, value, reason } = results[index]
        if (refusals.length > 0) must(refusals.includes(told(reason)), `range ${index}: ${String(told(reason))}`)
        else if (status === 'rejected') must(world.mayBeClosed && told(reason) === CLOSED, `range ${index}: ${reason}`)
        else sameBytes(world, offset, count, value, `range ${index}`)
      }
    },
  })),

  readManyInto: {
    arguments: size => fc.record({ target: withWasm, offsets: records(size), length: lengths(size), options }),
    begin(world, { target: description, offsets: given, length, options: described }) {
      const { value, refusals, reason, ...signal } = makeOptions(described)
      const target = makeTarget(description)
      const isList = Array.isArray(given) || types.isTypedArray(given)
      const each = isList ? [...given].map(one => asOffset(one, false)) : [{ refusal: TYPE }]
      const much = asLength(length, false)
      const parts = each.map(({ is }) => ({ offset: is, count: cut(world.size, is, much.is) }))
      const count = parts.reduce((sum, part) => sum + part.count, 0)
      return {
        ...signal,
        target,
        run: () => world.file.readManyInto(target.target, given, length, value),
        ...expected({
          refusals: [
            ...refusals,
            ...refusalsOf(target, much, ...each),
            ...(each.length * much.is > target.room ? [RANGE] : []),
          ],
          excuses: [reason, target.mayFail ? RANGE : undefined],
          check(written) {
            must(written === count, `${written} bytes written instead of ${count}`)
            must(target.intact(count), 'more was written than was asked for')
            const all = Buffer.concat(parts.map(part => world.bytes(part.offset, part.count)))
            const now = target.look().subarray(0, count)
            must(all.subarray(0, now.length).equals(now), 'wrong bytes in the target')
          },
          rejected: () => must(target.intact(count || 0), 'something else than the target was written'),
        }),
      }
    },
  },

  slice: {
    arguments: size => fc.record({ start: positions(size), end: positions(size) }),
    begin(world, { start, end }) {
      const [from, to] = [asPosition(start, world.size, false), asPosition(end, world.size, true)]
      return {
        run: () => world.file.slice(start, end),
        ...expected({
          refusals: refusalsOf(from, to),
          check(result) {
            must(result instanceof ArrayBuffer, 'no ArrayBuffer')
            sameBytes(world, from.is, Math.max(0, to.is - from.is), Buffer.from(result), 'the slice')
          },
        }),
      }
    },
  },

  chunks: {
    arguments: size =>
      fc.record({
        start: offsets(size),
        end: offsets(size),
        chunkSize: lengths(size),
        readAhead: lengths(size),
        options,
      }),
    begin(world, { options: described, start, end, chunkSize, readAhead }) {
      const { value, refusals, reason, ...signal } = makeOptions(described)
      const [from, to] = [asOffset(start), end === undefined ? { is: world.size } : asOffset(end)]
      const [step, ahead] = [asLength(chunkSize), asLength(readAhead)]
      const isBag = value === undefined || (typeof value === 'object' && value !== null)
      const isBackwards = end !== undefined && from.is > to.is
      const size = step.is === Number.POSITIVE_INFINITY ? 2 ** 20 : step.is
      const last = Math.min(to.is, world.size)
      const bag = isBag ? { ...value, start, end, chunkSize, readAhead } : value
      return {
        ...signal,
        async run() {
          const parts = []
          for await (const chunk of world.file.chunks(bag)) if (parts.push(chunk) === MOST_CHUNKS) break
          return parts
        },
        ...expected({
          refusals: [
            ...refusals,
            ...(isBag ? [...refusalsOf(from, to, step, ahead), ...(size === 0 || isBackwards ? [RANGE] : [])] : []),
          ],
          excuses: [reason],
          check(parts) {
            const whole = Math.max(0, Math.ceil((last - from.is) / size))
            must(parts.length === Math.min(MOST_CHUNKS, whole), `${parts.length} chunks of ${whole}`)
            for (const [index, part] of parts.entries()) {
              const at = from.is + index * size
              sameBytes(world, at, Math.min(size, last - at), part, `chunk ${index}`)
            }
          },
        }),
      }
    },
  },

  prefault: acting(({ file }, ...args) => file.prefault(...args), { takesOptions: true }),

  ...keeping,
  flush: acting(({ file }, ...args) => file.flush(...args), { allowed: ['Error EBADF'] }),
  write: writing,

  residency: {
    arguments: size => fc.record({ offset: offsets(size), length: lengths(size) }),
    begin(world, { offset, length }) {
      const [from, much] = [asOffset(offset), asLength(length)]
      const count = cut(world.size, from.is, much.is)
      return {
        run: () => world.file.residency(offset, length),
        ...expected({
          refusals: refusalsOf(from, much),
          check({ pages, resident, mapped, pageSize }) {
            const all = count === 0 ? 0 : Math.ceil((from.is + count) / PAGE) - Math.floor(from.is / PAGE)
            must(pages === all && pageSize === PAGE, `${pages} pages of ${pageSize} instead of ${all}`)
            must(mapped <= pages && (resident === undefined || resident <= pages), 'more pages than there are')
          },
        }),
      }
    },
  },

  createReadStream: {
    arguments: size =>
      fc.record({ start: offsets(size), end: streamEnds(size), highWaterMark: highWaterMarks(size), options }),
    begin(world, { options: described, start, end, highWaterMark }) {
      const { value, refusals: ofOptions, reason, ...signal } = makeOptions(described)
      // As in node:fs, null is no options, and a string is an encoding, of which the empty one is none.
      const isNone = value === null || value === ''
      const isBag = isNone || value === undefined || typeof value === 'object'
      const refusals = isNone ? [] : ofOptions
      const from = asOffset(start)
      const unlimited = end === undefined || end === Number.POSITIVE_INFINITY
      const to = unlimited ? { is: Number.POSITIVE_INFINITY } : asOffset(end)
      const isMark = highWaterMark === undefined || highWaterMark === null || isWhole(highWaterMark)
      const asked = [
        ...refusalsOf(from, to),
        ...(from.is > to.is ? [RANGE] : []),
        ...(isMark ? [] : [VALUE]),
        // As in node:fs, a signal destroys the stream.
        ...refusals.map(refusal => (refusal instanceof Error ? ABORTED : refusal)),
      ]
      return {
        ...signal,
        async run() {
          const parts = []
          const stream = world.file.createReadStream(isBag ? { ...value, start, end, highWaterMark } : value)
          for await (const part of stream) parts.push(part)
          return Buffer.concat(parts)
        },
        ...expected({
          refusals: isBag ? asked : [typeof value === 'string' ? VALUE : TYPE],
          excuses: [reason && ABORTED],
          check: bytes => sameBytes(world, from.is, to.is + 1 - from.is, bytes, 'the stream'),
        }),
      }
    },
  },

  genericFilehandle: source(
    (file, offset, length, signal) => genericFilehandle(file).read(length, offset ?? null, { signal }),
    bytes => bytes,
  ),
  pmtilesSource: source(
    (file, offset, length, signal) => pmtilesSource(file).getBytes(offset, length, signal),
    ({ data }) => data,
    { short: (offset, length, size) => offset > 0 && cut(size, offset, length) < length },
  ),
  geotiffSource: source(
    (file, offset, length, signal) => geotiffSource(file).fetchSlice({ offset, length }, signal),
    ({ data }) => data,
  ),
  zarritaReader: source(
    (file, offset, length) => zarritaReader(file).read(offset, length),
    bytes => bytes,
    { takesSignal: false },
  ),

  /** Any method or getter of something that is no handle. */
  foreign: {
    arguments: size =>
      fc.record({ name: fc.constantFrom(...memberNames), self: selves, one: offsets(size), two: lengths(size) }),
    begin: (_, { name, self, one, two }) => ({
      run() {
        const { value, get } = Object.getOwnPropertyDescriptor(MappedFile.prototype, name)
        return get ? get.call(self) : value.call(self, one, two)
      },
      ...expected({ refusals: ['TypeError ERR_INVALID_THIS'] }),
    }),
  },

  release: {
    arguments: () =>
      fc.record({ source: fc.constantFrom('path', 'Buffer', 'URL', undefined, '', 'nul\0', 5, {}, null) }),
    begin(world, { source: given }) {
      const known = Object.hasOwn(world.sources, given)
      const refusals = known || given === undefined || given === '' ? [] : refusalsOfSource(given)
      return { run: () => mmapRead.release(known ? world.sources[given] : given), ...expected({ refusals }) }
    },
  },

  refresh: {
    arguments: () => fc.record({}),
    begin: world => ({
      run: () => world.file.refresh(),
      ...expected({ refusals: [], check: length => must(length === world.size, `refresh() to ${length}`) }),
    }),
  },

  open: {
    arguments: () =>
      fc.record({
        source: fc.constantFrom(
          'path',
          'Buffer',
          'URL',
          'FileHandle',
          undefined,
          null,
          -5,
          '',
          {},
          [],
          'nul\0',
          { fd: 'x' },
          {
            fd: -1,
          },
          { fd: 0.5 },
          { fd: Number.NaN },
          { fd: 2 ** 32 },
          new Proxy({}, {}),
        ),
        flags: fc.constantFrom(undefined, 'r', 'r+', 'w', 5, null),
        options,
      }),
    begin(world, { source, flags, options: described }) {
      const { value, refusals, reason, ...signal } = makeOptions(described)
      const isBag = typeof value === 'object' && value !== null
      const bag = isBag && flags !== undefined ? { ...value, flags } : value
      return {
        ...signal,
        async run() {
          const file = await MappedFile.open(Object.hasOwn(world.sources, source) ? world.sources[source] : source, bag)
          const result = [file.byteLength, await file.read(0, 10)]
          await file.close()
          return result
        },
        ...expected({
          refusals: [
            // A string is flags.
            ...(typeof value === 'string' ? [VALUE] : refusals),
            ...(isBag && flags === 'w' ? [VALUE] : []),
            ...(isBag && (flags === 5 || flags === null) ? [TYPE] : []),
            // It was opened for reading.
            ...(isBag && flags === 'r+' && source === 'FileHandle' ? ['Error EACCES', reason] : []),
            // An abort may come before the kernel's answer.
            ...(Object.hasOwn(world.sources, source) ? [] : [...refusalsOfSource(source), reason]),
          ],
          excuses: [reason],
          check([length, bytes]) {
            must(length === world.size, `opened with ${length} bytes`)
            sameBytes(world, 0, Math.min(10, world.size), bytes, 'the first bytes')
          },
        }),
      }
    },
  },

  construct: {
    arguments: () => fc.record({ key: fc.constantFrom(undefined, null, Symbol('MappedFile.open'), {}) }),
    begin: (_, { key }) => ({
      run: () => new MappedFile(key, { byteLength: 5, reader: () => ({}) }, 'path'),
      ...expected({ refusals: ['TypeError ERR_ILLEGAL_CONSTRUCTOR'], check() {} }),
    }),
  },
}

function refusalsOfSource(source) {
  if (source === '') return ['Error ENOENT']
  if (source === 'nul\0') return [VALUE]
  if (source === -5) return [RANGE]
  if (typeof source?.fd === 'number') return [source.fd === -1 ? 'Error EBADF' : RANGE]
  return [TYPE]
}

const OFTEN = /^(read|view|mmapRead|try|slice|chunks|createReadStream)/

/** Calls of `these` methods on a file of `size` bytes, those that read more often than the others. */
export const callsOf = (these, size) =>
  fc.oneof(
    ...Object.entries(these).map(([method, { arguments: args }]) => ({
      weight: OFTEN.test(method) ? 4 : 1,
      arbitrary: args(size).map(given => ({ method, ...given })),
    })),
  )

export const calls = size => callsOf(methods, size)

/** A call that is ready to `run()`, and what must come of it. */
export const prepare = (world, call) => methods[call.method].begin(world, call)
