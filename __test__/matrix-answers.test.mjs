// A measurement checks its results: each method of checking refuses wrong ones.

import { randomBytes } from 'node:crypto'
import test from 'ava'
import { like, sameBytes, sameRows, unforeseen } from '../bench/programs/answers.mjs'
import { audited } from '../bench/programs/audited.mjs'

const bytes = Buffer.from('as long as there is a right answer')
const rows = () => ({ rows: [{ name: 'a' }, { name: 'b' }] })

test('bytes that differ at the place that is looked at, or in length, are refused in the window', t => {
  const expected = sameBytes(bytes, 'file')
  t.notThrows(() => expected.accept(Buffer.from(bytes), 3))
  t.throws(() => expected.accept(Buffer.concat([bytes, bytes]), 3), { message: /^wrong answer: 68 bytes of file/ })
  const reused = Buffer.from(bytes)
  expected.spoil(reused, 3)
  t.throws(() => expected.accept(reused, 3), { message: /byte 3 is \d+, not \d+/ })
  t.throws(() => expected.verify(reused), { message: /^wrong answer/ })
})

test('random bytes that repeat, are too few or can be compressed are refused', t => {
  const expected = unforeseen(Buffer.alloc(256))
  const [one, other] = [randomBytes(256), randomBytes(256)]
  t.notThrows(() => expected.accept(other, 7, one))
  t.notThrows(() => expected.verify(other))
  t.throws(() => expected.accept(Buffer.from(one), 7, one), { message: /the same twice/ })
  t.throws(() => expected.accept(other.subarray(1), 7, one), { message: /^wrong answer/ })
  t.throws(() => expected.verify(Buffer.alloc(256)), { message: /can be compressed/ })
})

test('rows that are missing, or differ where they are looked at, are refused', t => {
  const expected = sameRows(rows())
  t.notThrows(() => expected.accept(rows(), 1))
  const spoilt = rows()
  expected.spoil(spoilt, 1)
  t.throws(() => expected.accept(spoilt, 1), { message: /row 1 is not b/ })
  t.throws(() => expected.accept({ rows: [{ name: 'a' }] }, 0), { message: /^wrong answer/ })
  t.throws(() => expected.verify(spoilt), { message: /^wrong answer/ })
})

test('the window only checks that an answer exists; whole answers are checked before and after it', t => {
  const expected = like(hash => hash === 'right', 'the hash')
  t.notThrows(() => expected.accept('wrong', 0))
  t.throws(() => expected.accept(undefined, 0), { message: 'wrong answer: nothing instead of the hash' })
  t.throws(() => expected.verify('wrong'), { message: 'wrong answer: it is not the hash' })
  t.notThrows(() => expected.verify('right'))
})

// Seen to fail: when calls had the names of their functions, all those of zlib had the same name.
test('each audited call has its own name', t => {
  const labels = Object.values(audited).map(({ label }) => label)
  t.is(new Set(labels).size, labels.length)
  for (const name of ['deflateSync', 'inflateSync', 'brotliCompressSync']) t.is(audited[name].label, `zlib.${name}`)
})
