// What programs do besides reading, and what needs memory each time: one call of Node's own over and over, on the bytes
// of a file.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'
import { sameBytes, sameRows, unforeseen } from './answers.mjs'

/** Bytes of the file that a row is made of, which is about as many as it has as a text. */
const ROW = 64

/** @type {Record<string, import('./readers.mjs').Reader>} */
export const jobs = {
  gzipSync: {
    label: 'zlib.gzipSync',
    synchronous: true,
    lanes: 1,
    setup(path) {
      const bytes = readFileSync(path)
      return { once: () => gzipSync(bytes) }
    },
    expect(bytes, path) {
      const packed = gzipSync(bytes)
      sameBytes(bytes, path).verify(gunzipSync(packed))
      return sameBytes(packed, `${path}, compressed`)
    },
  },
  randomBytes: {
    label: 'crypto.randomBytes',
    synchronous: true,
    lanes: 1,
    setup: (_, size) => ({ once: () => randomBytes(size) }),
    expect: unforeseen,
  },
  'JSON.parse': {
    label: 'JSON.parse',
    synchronous: true,
    lanes: 1,
    setup(path) {
      const text = JSON.stringify({ rows: rowsOf(readFileSync(path)) })
      return { once: () => JSON.parse(text) }
    },
    expect: bytes => sameRows({ rows: rowsOf(bytes) }),
  },
  structuredClone: {
    label: 'structuredClone',
    synchronous: true,
    lanes: 1,
    setup(path) {
      const bytes = readFileSync(path)
      const value = { rows: rowsOf(bytes), bytes: new Uint8Array(bytes) }
      return { once: () => structuredClone(value) }
    },
    expect: bytes => sameRows({ rows: rowsOf(bytes), bytes: new Uint8Array(bytes) }),
  },
}

/** A table such as a database or a service answers with. @param {Buffer} bytes */
function rowsOf(bytes) {
  return Array.from({ length: Math.floor(bytes.length / ROW) }, (_, index) => {
    const row = bytes.subarray(index * ROW, (index + 1) * ROW)
    return { name: row.toString('hex', 0, 8), values: Array.from(row.subarray(4, 12)), even: index % 2 === 0 }
  })
}
