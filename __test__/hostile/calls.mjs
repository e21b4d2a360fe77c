// Every method with arguments of all kinds: what it is called with, what must come of it, and how that is checked.

import fc from 'fast-check'
import { MappedFile, mmapRead } from 'faultless'
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

/** What a refusal is told as: its class and code, or itself where it is nobody's error but the caller's. */
const told = error => (error?.code === undefined ? error : `${error.constructor?.name} ${error.code}`)

const cut = (size, offset, length) => Math.max(0, Math.min(length, size - offset))

class Wrong extends Error {}

function must(truth, what) {
  if (!truth) throw new Wrong(what)
}

/**
 * One call on its way: `outcome` is what it comes to. `refusals` are those of its arguments, one of which must be what it
 * ends with, if there are any; `excuses`, those that may come of what happens meanwhile; `check` throws unless the answer is
 * right.
 */
function expected({ refusals, excuses = [], check, rejected = () => {} }) {
  return { refusals, excuses, check, rejected }
}

const sameBytes = (world, offset, count, bytes, what) => {
  must(bytes.length === count, `${what}: ${bytes.length} bytes instead of ${count}`)
  must(world.bytes(offset, count).equals(bytes), `${what}: wrong bytes`)
}

/** Methods of a handle that give the bytes of one range. */
function reading(call, { hasDefaults = true, takesOptions = true, maybe = false } = {}) {
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
            sameBytes(world, from.is, cut(world.size, from.is, much.is), bytes, 'the result')
          },
        }),
      }
    },
  }
}

/** Methods that fill a target with one range. */
function filling(call, { hasDefaults = true, takesOptions = true, maybe = false } = {}) {
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
      const count = cut(world.size, from.is, target.room)
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
            must(written === count, `${written} bytes written instead of ${count}`)
            must(target.intact(count), 'more was written than was asked for')
            const now = target.look().subarray(0, count)
            must(world.bytes(from.is, now.length).equals(now), 'wrong bytes in the target')
          },
          rejected: () => must(target.intact(count || 0), 'something else than the target was written'),
        }),
      }
    },
  }
}

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
      const isList = Array.isArray(ranges)
      const { excuses = [], ...judging } = check(world, isList ? ranges.map(range => taken(world, range)) : [])
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
    { weight: 1, arbitrary: fc.constantFrom(undefined, null, 5, 'offsets', {}, new Int32Array(2), new Set()) },
  )

const methods = {
  read: reading(({ file }, ...args) => file.read(...args)),
  view: reading(({ file }, ...args) => file.view(...args)),
  mmapRead: reading(({ path }, ...args) => mmapRead(path, ...args)),
  tryRead: reading(({ file }, ...args) => file.tryRead(...args), {
    hasDefaults: false,
    takesOptions: false,
    maybe: true,
  }),
  tryView: reading(({ file }, ...args) => file.tryView(...args), {
    hasDefaults: false,
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
      const isList = Array.isArray(given) || given instanceof Float64Array || given instanceof BigUint64Array
      const each = isList ? Array.from(given, one => asOffset(one, false)) : [{ refusal: TYPE }]
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
            ...(isBag ? [...refusalsOf(from, to, step, ahead), ...(size === 0 ? [RANGE] : [])] : []),
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

  prefault: {
    ...reading(({ file }, ...args) => file.prefault(...args)),
    begin(world, args) {
      const begun = reading(({ file }, ...rest) => file.prefault(...rest)).begin(world, args)
      return { ...begun, check: result => must(result === undefined, 'prefault() gave something') }
    },
  },

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
          5,
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
        mode: fc.constantFrom(undefined, 'r', 'w', 5, null),
        options,
      }),
    begin(world, { source, mode, options: described }) {
      const { value, refusals, reason, ...signal } = makeOptions(described)
      const isBag = typeof value === 'object' && value !== null
      const bag = isBag && mode !== undefined ? { ...value, mode } : value
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
            ...refusals,
            ...(isBag && mode !== undefined && mode !== 'r' ? [VALUE] : []),
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
      ...expected({ refusals: [TYPE], check() {} }),
    }),
  },
}

function refusalsOfSource(source) {
  if (source === '') return ['Error ENOENT']
  if (source === 'nul\0') return [VALUE]
  if (typeof source?.fd === 'number') return [source.fd === -1 ? 'Error EBADF' : RANGE]
  return [TYPE]
}

/** Calls on a file of `size` bytes. */
export const calls = size =>
  fc.oneof(
    ...Object.entries(methods).map(([method, { arguments: args }]) => ({
      weight: ['refresh', 'open', 'construct', 'residency', 'prefault'].includes(method) ? 1 : 4,
      arbitrary: args(size).map(given => ({ method, ...given })),
    })),
  )

/** A call that is ready to `run()`, and what must come of it. */
export const prepare = (world, call) => methods[call.method].begin(world, call)

/** Runs a call; resolves to its `value` or its `error`. */
export function begin({ run }, { method }) {
  try {
    return settled(run())
  } catch (error) {
    must(method.startsWith('try') || method === 'construct', `${method} threw instead of rejecting: ${error}`)
    return { error }
  }
}

async function settled(answer) {
  try {
    return { value: await answer }
  } catch (error) {
    return { error }
  }
}

/** Throws unless the call ended as it must. */
export function judge({ refusals, excuses, check, rejected }, outcome, { mayBeClosed }) {
  if (!('error' in outcome)) {
    must(refusals.length === 0, `it was not refused: ${refusals}`)
    check(outcome.value)
    return
  }
  const { error } = outcome
  const code = told(error)
  const allowed = [...(refusals.length > 0 ? refusals : excuses), mayBeClosed ? CLOSED : undefined].filter(Boolean)
  if (!allowed.includes(code)) throw new Wrong(`refused as ${String(code)}: ${error?.stack}`)
  rejected(error)
}
