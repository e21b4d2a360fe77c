// The judge of `npm run test:adversary`: it accepts bytes that a file had during the read, and no others.

import test from 'ava'
import { CELL, History, stamped } from './adversary/model.mjs'

const at = (begin, operation) => ({ begin, end: begin + 5, ...operation })
const historyOf = (...operations) => {
  const history = new History()
  for (const operation of operations) history.apply(operation)
  return history
}
const file = at(10, { op: 'create', version: 1, size: 4 * CELL })
const cell = (version, number) => stamped(version, number, 1)

test('bytes of the version that was there, of the one that came meanwhile, and of both mixed', t => {
  const history = historyOf(file, at(100, { op: 'write', version: 2, from: CELL, to: 2 * CELL }))
  t.is(history.fault(cell(1, 1), CELL, 50, 60), undefined)
  t.regex(
    history.fault(cell(2, 1), CELL, 50, 60),
    /^byte 512 is of version 2 of cell 1 \(write\); there was 512 bytes: 512 of version 1/,
  )
  const mixed = Buffer.concat([cell(1, 1).subarray(0, 100), cell(2, 1).subarray(100)])
  for (const bytes of [cell(1, 1), cell(2, 1), mixed]) t.is(history.fault(bytes, CELL, 50, 102), undefined)
  t.is(history.fault(cell(2, 1).subarray(7, 90), CELL + 7, 200, 210), undefined)
  t.regex(history.fault(cell(1, 1), CELL, 106, 210), /is of version 1 of cell 1/)
  t.regex(history.fault(cell(1, 0), CELL, 50, 60), /is of version 1 of cell 0/)
})

test('the judge accepts zeros only in a hole and in a file that has grown again', t => {
  const zeros = Buffer.alloc(CELL)
  const cut = at(100, { op: 'cut', size: CELL + 100 })
  const only = historyOf(file, cut)
  t.regex(only.fault(zeros, 2 * CELL, 50, 200), /is of zeros/)
  t.regex(only.fault(zeros, CELL, 150, 200), /^byte 512 is of zeros; there was 100 bytes: 100 of version 1/)
  t.is(only.fault(zeros, 2 * CELL, 50, 200, only.shortest(200)), undefined, 'in a view')
  t.deepEqual(only.sizes(150, 200), [CELL + 100])
  const grown = historyOf(file, cut, at(120, { op: 'grow', size: 4 * CELL }))
  t.is(grown.fault(zeros, 2 * CELL, 150, 200), undefined)
  t.is(grown.fault(Buffer.concat([cell(1, 1).subarray(0, 100), zeros.subarray(100)]), CELL, 150, 200), undefined)
  t.regex(grown.fault(zeros, CELL, 150, 200), /^byte 512 is of zeros/)
  t.is(historyOf(file, at(100, { op: 'zero', from: 0, to: CELL })).fault(zeros, 0, 150, 200), undefined)
})

test('removing a range moves the bytes after it', t => {
  const history = historyOf(file, at(100, { op: 'collapse', from: CELL, to: 2 * CELL }))
  t.is(history.fault(cell(1, 2), CELL, 150, 200), undefined)
  t.regex(history.fault(cell(1, 1), CELL, 150, 200), /is of version 1 of cell 1/)
  t.deepEqual(history.sizes(150, 200), [3 * CELL])
})

test('either of two concurrent writes may be the last; a write whose end is unknown may have happened or not', t => {
  const first = { op: 'write', version: 2, from: 0, to: CELL, begin: 100, end: 120 }
  const history = historyOf(file, first, { ...first, version: 3, begin: 110, end: 115 })
  for (const version of [2, 3]) t.is(history.fault(cell(version, 0), 0, 200, 210), undefined)
  t.regex(history.fault(cell(1, 0), 0, 200, 210), /is of version 1/)
  const unknown = historyOf(file, { ...first, end: undefined })
  for (const version of [1, 2]) t.is(unknown.fault(cell(version, 0), 0, 200, 210), undefined)
})
