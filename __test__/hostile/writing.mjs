// Files of flags 'r+' that are written by several calls at once: what each byte may be meanwhile, and must be in the end.

import fc from 'fast-check'
import { mmapRead } from 'faultless'
import { acting, callsOf, filling, keeping, reading } from './calls.mjs'
import { expected, must } from './judging.mjs'
import { makeTarget, withWasm } from './targets.mjs'
import { asLength, asOffset, lengths, offsets, RANGE, refusalsOf } from './values.mjs'

const LARGEST = Number.MAX_SAFE_INTEGER

/** What was in a file of `original` bytes, and what was asked to be written to it. */
export class Ledger {
  #original
  #entries = []

  constructor(original) {
    this.#original = original
  }

  /** From now on the file may have `length` bytes at an offset, of which the first is `first` and each further one is one more. */
  announce(offset, length, first) {
    const entry = { offset, length, end: length > 0 ? offset + length : 0, first, done: false }
    this.#entries.push(entry)
    return entry
  }

  /** The least and the most bytes that a read of `wanted` bytes may give: files grow, and never shrink. */
  span(offset, wanted) {
    const size = this.#original.length
    const most = Math.max(size, ...this.#entries.map(({ end }) => end))
    return [size, most].map(end => Math.max(0, Math.min(wanted, end - offset)))
  }

  /** Whether these bytes may have been at an offset at some time. */
  mayHold(offset, bytes) {
    const explained = this.#explained(offset, bytes)
    return bytes.every((byte, index) => byte === this.#before(offset + index) || explained[index])
  }

  /** Throws unless the file is what all that was done to it made of it. */
  settle(content) {
    const ends = this.#entries.filter(({ done }) => done).map(({ end }) => end)
    const least = Math.max(this.#original.length, ...ends)
    const [, most] = this.span(0, Number.POSITIVE_INFINITY)
    must(content.length >= least && content.length <= most, `the file has ${content.length} bytes, not ${least}`)
    const explained = this.#explained(0, content)
    const written = new Uint8Array(content.length)
    for (const { offset, length, done } of this.#entries) if (done) written.fill(1, offset, offset + length)
    const wrong = content.findIndex(
      (byte, index) => !explained[index] && (written[index] || byte !== this.#before(index)),
    )
    must(wrong < 0, `byte ${wrong} of the file is ${content[wrong]}`)
  }

  // What nobody has written yet: behind the end, a hole.
  #before(at) {
    return at < this.#original.length ? this.#original[at] : 0
  }

  // Which of these bytes somebody wrote, or may have written, as they are.
  #explained(from, bytes) {
    const explained = new Uint8Array(bytes.length)
    for (const { offset, length, first } of this.#entries) {
      const end = Math.min(bytes.length, offset + length - from)
      for (let index = Math.max(0, offset - from); index < end; index++) {
        if (bytes[index] === ((first + from + index - offset) & 0xff)) explained[index] = 1
      }
    }
    return explained
  }
}

/** Not so far behind the end that a file could not be compared any more, or so far that it must be refused. */
const places = size =>
  fc.oneof(
    { weight: 8, arbitrary: offsets(size).filter(value => !(asOffset(value).is > size + 5000)) },
    { weight: 1, arbitrary: fc.constantFrom(LARGEST, BigInt(LARGEST)) },
  )

const firsts = fc.nat(255)

/** No text, which is written as UTF-8: bytes of it do not count up. */
const memory = withWasm.filter(
  description => description.kind !== 'wrong' || typeof makeTarget(description).target !== 'string',
)

const methods = {
  write: {
    arguments: size => fc.record({ target: memory, offset: places(size), first: firsts }),
    begin(world, { target: description, offset, first }) {
      const target = makeTarget(description)
      const from = asOffset(offset, false)
      const refusals = [...refusalsOf(target, from), ...(from.is + target.room > LARGEST ? [RANGE] : [])]
      // As they are now: what is done to the memory after the call is nothing to it.
      target.paint?.(first)
      const entry = refusals.length > 0 ? undefined : world.ledger.announce(from.is, target.room, first)
      return {
        target,
        run: () => world.file.write(target.target, offset),
        ...expected({
          refusals,
          check(written) {
            entry.done = true
            must(written === target.room, `${written} bytes written of ${target.room}`)
          },
        }),
      }
    },
  },

  /** Stores to a view, and has them on the device. */
  store: {
    arguments: size => fc.record({ offset: offsets(size), length: lengths(size), first: firsts }),
    begin(world, { offset, length, first }) {
      const [from, much] = [asOffset(offset), asLength(length)]
      const refusals = refusalsOf(from, much)
      return {
        async run() {
          const view = await world.file.view(offset, length)
          const entry = world.ledger.announce(from.is, view.length, first)
          for (let index = 0; index < view.length; index++) view[index] = first + index
          await world.file.flush(offset, length)
          entry.done = true
        },
        ...expected({ refusals }),
      }
    },
  },

  ...keeping,
  flush: acting(({ file }, ...args) => file.flush(...args)),
  refresh: {
    arguments: () => fc.record({}),
    begin: world => ({
      run: () => world.file.refresh(),
      ...expected({
        refusals: [],
        check(length) {
          const [least, most] = world.span(0, Number.POSITIVE_INFINITY)
          must(length >= least && length <= most, `refresh() to ${length}`)
        },
      }),
    }),
  },

  read: reading(({ file }, ...args) => file.read(...args)),
  view: reading(({ file }, ...args) => file.view(...args)),
  mmapRead: reading(({ path }, ...args) => mmapRead(path, ...args)),
  readInto: filling(({ file }, ...args) => file.readInto(...args)),
  tryRead: reading(({ file }, ...args) => file.tryRead(...args), {
    takesOptions: false,
    maybe: true,
  }),
}

/** Calls on a file that had `size` bytes when it was opened. */
export const writingCalls = size => callsOf(methods, size)

/** A call that is ready to `run()`, and what must come of it. */
export const prepareWriting = (world, call) => methods[call.method].begin(world, call)
