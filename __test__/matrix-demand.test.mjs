// The parts that the matrix measures again: those that claims depend on, as long as more passes could decide them.

import test from 'ava'
import { cellKey } from '../bench/harness/cells.mjs'
import { Demand, isOpen, NOTHING, WHOLE } from '../bench/harness/demand.mjs'
import { Results } from '../bench/harness/measured.mjs'
import { lockRatio, locks, ratio, speedup } from '../bench/harness/ratios.mjs'
import { addPass, emptyCell } from '../bench/harness/recorded.mjs'
import { atLeast } from '../bench/harness/verdict.mjs'

const cellOf = reader => ({ reader, size: 128, k: 2 })
const [plain, cure, other] = ['readFileSync', 'readInto', 'view'].map(cellOf)
const faster = {
  id: 'faster',
  rule: atLeast(1.5),
  measure: results => speedup(results.cell(cure), results.cell(plain), 'first', 'workers'),
}
const gap = { id: 'gap', rule: atLeast(0.9), measure: results => ratio(results.cell(plain), 'steady') }

test('only the phases and kinds that claims use are measured, and only of their cells', t => {
  const demand = new Demand([faster, gap], [plain, cure, other])
  t.deepEqual(demand.partsOf(cure), { modes: ['workers'], steady: false, traced: false })
  t.deepEqual(demand.partsOf(plain), { modes: ['workers', 'processes'], steady: true, traced: false })
  t.deepEqual(demand.partsOf(other), NOTHING)
  const { reads, locks } = demand.cellsOf([faster])
  t.deepEqual([...reads].sort(), [cellKey(plain), cellKey(cure)].sort())
  t.is(locks.size, 0)
  t.is(demand.cellsOf([]).reads.size, 0)
})

test('the A/A control is measured whole, and as often as any claim is open', t => {
  const twin = { ...plain, twin: true }
  const demand = new Demand([faster], [plain, cure, twin])
  const whole = { ...WHOLE, traced: false }
  t.deepEqual(demand.partsOf(twin), whole)
  t.deepEqual(demand.partsOf(plain), whole)
  t.true(demand.cellsOf([faster]).reads.has(cellKey(twin)))
})

test('locks are counted again where a claim rests on them, and nothing else is measured for it', t => {
  const measure = results => lockRatio(results.locks(cure), locks.writeWait)
  const waits = { id: 'waits', rule: atLeast(2), measure }
  const demand = new Demand([waits], [plain, cure, { ...plain, twin: true }])
  t.deepEqual(demand.partsOf(cure), { ...NOTHING, traced: true })
  const due = demand.cellsOf([waits])
  t.deepEqual([...due.locks], [cellKey(cure)])
  t.is(due.reads.size, 0)
})

test('a claim that needs more than cells requests the cells that it has used so far', t => {
  const measure = (results, found) => ({ ...ratio(results.cell(plain), 'first'), ...found.something })
  const demand = new Demand([{ id: 'mixed', rule: atLeast(1), measure }], [plain, cure])
  t.deepEqual(demand.partsOf(plain), { modes: ['workers', 'processes'], steady: false, traced: false })
  t.deepEqual(demand.partsOf(cure), NOTHING)
})

/** Cells whose workers were so fast, pass by pass. */
function measured(rates) {
  const cells = Object.entries(rates).map(([reader, passes]) => {
    const cell = emptyCell(cellOf(reader))
    passes.forEach((throughput, pass) => {
      addPass(cell, pass, { workers: { first: [{ throughput }] } })
    })
    return cell
  })
  return new Results(cells)
}

test('a claim is open if more passes could decide it, or reverse its verdict', t => {
  const open = readInto => isOpen(faster, measured({ readFileSync: readInto.map(() => 100), readInto }), 0.05)
  t.false(open([290, 300, 310, 320]), 'far above the line')
  t.false(open([100, 110, 120, 105]), 'far below the line')
  t.true(open([140, 165, 170, 190]), 'the line lies within, near an end')
  t.false(open([130, 150, 152, 170]), 'the line lies in the middle')
  t.true(open([160, 170, 180, 190]), 'decided, but not with room')
  t.false(open([149, 150, 151, 152]), 'narrow: it lies on the line')
  t.true(open([300, 300, 300]), 'too few passes for a verdict')
  t.false(isOpen(faster, measured({ readFileSync: [100] }), 0.05), 'a cell is missing')
})

test('modes that were measured in some passes only are compared where both were', t => {
  const cell = emptyCell(plain)
  const first = throughput => ({ first: [{ throughput }] })
  addPass(cell, 0, { workers: first(100), processes: first(200) })
  addPass(cell, 1, { workers: first(300) })
  const results = new Results([cell])
  t.is(ratio(results.cell(plain), 'first').value, 0.5)
  t.is(speedup(results.cell(plain), results.cell(plain), 'first', 'workers').value, 1)
})

test('a phase that was interrupted in one mode is left out', t => {
  const cell = emptyCell(plain)
  const one = { throughput: 1 }
  addPass(cell, 0, { workers: { first: [one], steady: [one, one] }, processes: { first: [one], steady: [one] } })
  t.is(cell.first.length, 1)
  t.is(cell.steady.length, 0)
})
