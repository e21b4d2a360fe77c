// How answers are checked: each in the window at one place that wanders, the first and the last as a whole.
import { isDeepStrictEqual } from 'node:util'
import { deflateSync } from 'node:zlib'

/**
 * What answers are held against. `spoil` makes the place that will be checked wrong, since a buffer that is used again
 * still holds the right bytes from before. `accept` and `verify` throw at a wrong answer.
 * @typedef {{
 *   length: number, spoil?: (last: any, position: number) => void,
 *   accept: (answer: any, position: number, last: any) => void, verify: (answer: any) => void
 * }} Expected
 */

/** @param {Buffer} expected @param {string} path @returns {Expected} */
export function sameBytes(expected, path) {
  return {
    length: expected.length,
    spoil(last, position) {
      last[position] ^= 0xff
    },
    accept(bytes, position) {
      if (bytes.length !== expected.length || bytes[position] !== expected[position]) {
        throw wrong(
          `${bytes.length} bytes of ${path}, byte ${position} is ${bytes[position]}, not ${expected[position]}`,
        )
      }
    },
    verify(bytes) {
      if (!expected.equals(bytes)) throw wrong(`${bytes.length} bytes are not the ${expected.length} of ${path}`)
    },
  }
}

/** Bytes that nobody can know beforehand: they are other ones each time, and cannot be compressed. @param {Buffer} bytes as many as there must be @returns {Expected} */
export function unforeseen({ length }) {
  return {
    length,
    accept(bytes, position, last) {
      const [from, to] = [Math.min(position, length - 16), length]
      if (bytes.length !== length || bytes.compare(last, from, to, from, to) === 0)
        throw wrong(`${bytes.length} bytes, the same twice`)
    },
    verify(bytes) {
      if (deflateSync(bytes).length < length) throw wrong(`${length} random bytes can be compressed`)
    },
  }
}

/** @param {{ rows: object[] }} expected @returns {Expected} */
export function sameRows(expected) {
  const { length } = expected.rows
  return {
    length,
    spoil(last, position) {
      last.rows[position].name = ''
    },
    accept({ rows }, position) {
      const { name } = expected.rows[position]
      if (rows.length !== length || rows[position].name !== name) throw wrong(`row ${position} is not ${name}`)
    },
    verify(answer) {
      if (!isDeepStrictEqual(answer, expected)) throw wrong('a value is not what it was made from')
    },
  }
}

/**
 * Whatever passes a test. The test may take long: in the window an answer is only seen to be there.
 * @param {(answer: any) => boolean} test @param {string} name of what it tests for @returns {Expected}
 */
export function like(test, name) {
  return {
    length: 1,
    accept(answer) {
      if (answer === undefined || answer === null) throw wrong(`nothing instead of ${name}`)
    },
    verify(answer) {
      if (!test(answer)) throw wrong(`it is not ${name}`)
    },
  }
}

const wrong = what => new Error(`wrong answer: ${what}`)
