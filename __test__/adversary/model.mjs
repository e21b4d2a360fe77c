// What each byte of a file may have been at each moment: cells with recognisable stamps, and the history of their values.

/** Bytes that carry one stamp: the number of the write that made it, and the place that it was written to. */
export const CELL = 512

/** Nanoseconds of a clock that all processes of this machine share. */
export const now = () => Number(process.hrtime.bigint())

const mix = number => {
  const mixed = Math.imul(number ^ (number >>> 16), 0x45d9f3b)
  return mixed ^ (mixed >>> 15)
}

/** The bytes of cells, one after the other, as the write `version` makes them. */
export function stamped(version, cell, cells) {
  const words = new Uint32Array((cells * CELL) / 4)
  for (let index = 0; index < words.length; index++) {
    const place = (cell * CELL) / 4 + index
    // No byte is zero, so that no stamp is taken for a hole.
    words[index] = mix(Math.imul(version, 0x9e3779b1) ^ Math.imul(place, 0x85ebca77)) | 0x01010101
  }
  return Buffer.from(words.buffer)
}

/**
 * A cell: the stamp of `version` for the place `cell` in its first `limit` bytes, zeros up to `filled`, and nothing from there on.
 * @typedef {{ version: number, cell: number, limit: number, filled: number }} Value
 */
const ZEROS = { version: 0, cell: 0, limit: 0, filled: CELL }
const NOTHING = { version: 0, cell: 0, limit: 0, filled: 0 }

const told = ({ version, cell, limit, filled }) =>
  filled === 0
    ? 'nothing'
    : `${filled} bytes${version && limit ? `: ${limit} of version ${version} of cell ${cell}` : ''}${limit < filled ? ', zeros' : ''}`

/**
 * What each operation makes of a cell and of the size of a file.
 * `loose` ones are of files that several write to: there zeros may stand where a file was cut.
 */
const operations = {
  create: {
    cell: ({ version, size }, _, cell) => cutTo({ version, cell, limit: CELL, filled: CELL }, cell, size),
    size: ({ size }) => size,
  },
  write: {
    cell({ version, from, to }, value, cell) {
      if (cell * CELL >= to) return value
      return cell * CELL < from ? grownTo(value, cell, to) : { version, cell, limit: CELL, filled: CELL }
    },
    size: ({ to }, size) => Math.max(size, to),
  },
  /** Through a view: it never makes a file longer. */
  store: {
    cell: ({ version, from, to }, value, cell) =>
      cell * CELL >= from && cell * CELL < to ? { version, cell, limit: CELL, filled: CELL } : value,
    size: (_, size) => size,
  },
  zero: {
    cell: ({ from, to }, value, cell) =>
      cell * CELL >= from && cell * CELL < to ? { ...ZEROS, filled: value.filled } : value,
    size: (_, size) => size,
  },
  cut: {
    cell: ({ size, loose }, value, cell) => (loose && cell * CELL >= size ? ZEROS : cutTo(value, cell, size)),
    size: ({ size }) => size,
  },
  grow: { cell: ({ size }, value, cell) => grownTo(value, cell, size), size: ({ size }) => size },
  collapse: {
    cell: ({ from, to }, value, cell, at) => (cell * CELL < from ? value : at(cell + (to - from) / CELL)),
    size: ({ from, to }, size) => size - (to - from),
  },
}

function cutTo(value, cell, size) {
  const left = Math.min(CELL, Math.max(0, size - cell * CELL))
  return { ...value, limit: Math.min(value.limit, left), filled: Math.min(value.filled, left) }
}

function grownTo(value, cell, size) {
  const filled = Math.min(CELL, Math.max(0, size - cell * CELL))
  return filled > value.filled ? { ...value, filled } : value
}

/** Values of one thing in time: each may be there from the begin of what made it to the end of what replaced it. */
export class Timeline {
  #entries = []

  /** Of these any may be there now. */
  get last() {
    return this.#entries.filter(({ to }) => to === Number.POSITIVE_INFINITY)
  }

  add(values, { begin, end, sure = true }) {
    if (sure) for (const entry of this.last) if (entry.made <= begin) entry.to = end
    for (const value of values) this.#entries.push({ value, from: begin, made: end, to: Number.POSITIVE_INFINITY })
  }

  /** All values that may have been there at some moment between. */
  between(from, to) {
    return this.#entries.filter(entry => entry.from <= to && entry.to >= from).map(({ value }) => value)
  }
}

/** One file, which lives on when its name leads to another. */
export class History {
  #cells = []
  #sizes = new Timeline()
  #operations = []

  /** Operations come in the order in which they began. One that has no `end`, or failed, may have happened or not. */
  apply(operation) {
    const { begin, end = Number.POSITIVE_INFINITY, failed } = operation
    const when = { begin, end, sure: end !== Number.POSITIVE_INFINITY && !failed }
    const { cell: toCell, size: toSize } = operations[operation.op]
    // What began before and had not ended may have come later all the same.
    const meanwhile = this.#operations.filter(other => (other.end ?? Number.POSITIVE_INFINITY) > begin)
    this.#operations.push(operation)
    const both = (value, change) => [value, ...meanwhile.map(other => change(other, value))]

    const sizes = operation.op === 'create' ? [0] : this.#sizes.last.map(({ value }) => value)
    const before = sizes.map(size => toSize(operation, size))
    this.#sizes.add(
      distinct(before.flatMap(size => both(size, (other, one) => operations[other.op].size(other, one)))),
      when,
    )

    const cells = Math.ceil(Math.max(...sizes, ...before, operation.to ?? 0, operation.size ?? 0) / CELL)
    const old = Array.from(
      { length: cells },
      (_, cell) => this.#cells[cell]?.last.map(({ value }) => value) ?? [NOTHING],
    )
    const at = cell => old[cell]?.[0] ?? NOTHING
    for (let cell = 0; cell < cells; cell++) {
      const values = old[cell].map(value => toCell(operation, value, cell, at))
      if (values.every((value, index) => value === old[cell][index]) && meanwhile.length === 0) continue
      this.#cells[cell] ??= timelineOf(NOTHING)
      const closed = values.flatMap(value =>
        both(value, (other, one) => operations[other.op].cell(other, one, cell, at)),
      )
      this.#cells[cell].add(distinct(closed), when)
    }
  }

  sizes(from, to) {
    return this.#sizes.between(from, to)
  }

  /** The shortest that the file was, since it was made. */
  shortest(until) {
    return Math.min(...this.#sizes.between(0, until))
  }

  /** What is wrong with these bytes, said to have been there at some moment between; undefined if nothing is. */
  fault(bytes, offset, from, to, zerosFrom = Number.POSITIVE_INFINITY) {
    for (let at = 0; at < bytes.length; ) {
      const cell = Math.floor((offset + at) / CELL)
      const start = (offset + at) % CELL
      const part = bytes.subarray(at, at + CELL - start)
      const values = this.#cells[cell]?.between(from, to) ?? []
      if ((cell + 1) * CELL > zerosFrom) values.push(ZEROS)
      const wrong = wrongByte(part, start, values)
      if (wrong !== undefined) {
        const said = values.length === 0 ? 'nothing' : distinct(values).map(told).join(' or ')
        return `byte ${offset + at + wrong} is of ${this.#originOf(part, start, wrong, cell)}; there was ${said}`
      }
      at += part.length
    }
  }

  #originOf(part, start, wrong, cell) {
    if (part.subarray(wrong).every(byte => byte === 0)) return 'zeros'
    for (const { version, op } of this.#operations) {
      if (!version) continue
      for (const place of [cell, ...this.#cells.keys()]) {
        const stamp = stamped(version, place, 1)
        const [first, last] = [start + wrong, Math.min(start + wrong + 8, start + part.length)]
        if (stamp.subarray(first, last).equals(part.subarray(first - start, last - start)))
          return `version ${version} of cell ${place} (${op})`
      }
    }
    return `no version of this file: ${part.subarray(wrong, wrong + 16).toString('hex')}`
  }
}

function timelineOf(value) {
  const timeline = new Timeline()
  timeline.add([value], { begin: 0, end: 0 })
  return timeline
}

const distinct = values => [...new Map(values.map(value => [JSON.stringify(value), value])).values()]

/** The place of the first byte that none of the values has; undefined if there is none. */
function wrongByte(part, start, values) {
  const open = distinct(values).map(value => {
    const bytes = value.version ? stamped(value.version, value.cell, 1) : Buffer.alloc(CELL)
    bytes.fill(0, value.limit)
    return { bytes: bytes.subarray(start), filled: value.filled - start }
  })
  if (open.some(({ bytes, filled }) => filled >= part.length && bytes.subarray(0, part.length).equals(part))) return
  const wrong = part.findIndex(
    (byte, index) => !open.some(({ bytes, filled }) => index < filled && bytes[index] === byte),
  )
  return wrong < 0 ? undefined : wrong
}
