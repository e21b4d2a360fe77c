// conclusion: does mmap_lock cause the gap, and is reusing buffers the only remedy?
import { KiB } from '../harness/cells.mjs'
import { lockSpeedup, locks, ratio, ratioChange, speedup, speedupOverBest } from '../harness/ratios.mjs'
import { nothingMore, twoCores } from '../harness/requirements.mjs'
import { atLeast, below } from '../harness/verdict.mjs'
import { at, ours, plain, pool, sized, TUNED } from './mitigations.mjs'
import { contention, ours as expectations } from './sources.mjs'

const REUSE = at('readSync')
const POOLED = at('readFileSync', pool(256 * KiB))
const tuned = plain(TUNED)
const cells = () => [plain(), REUSE, POOLED, ...ours()]

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'conclusion',
  answers: ['W43', 'W103'],
  title: 'Cause and remedy',
  question: 'Does mmap_lock cause the gap, and is reusing buffers the only remedy?',
  brief: true,
  obstacle: twoCores,
  variants: size => sized(size, cells()),
  traced: size => sized(size, cells()),
  claims: [
    {
      id: 'conclusion/cause',
      source: contention,
      text: 'readFileSync of 64 KiB, k=8, first reads: after malloc is tuned, which avoids most write locks, workers are as fast as processes',
      figure: '290 ms of waits: "cause and effect line up"',
      unit: 'ratio tuned / ratio untuned',
      rule: atLeast(1.1),
      measure: results => ratioChange(results.cell(tuned), results.cell(plain()), 'first'),
    },
    {
      id: 'conclusion/reuse',
      source: contention,
      text: '64 KiB, k=8, first reads: workers that reuse a buffer hardly wait for the lock, compared with readFileSync',
      figure: 'genuinely eliminates the contention',
      unit: 'wait in each read, readSync / readFileSync, workers',
      rule: below(0.1),
      measure: results => lockSpeedup(results.locks(REUSE), results.locks(plain()), 'workers', locks.waitPerRead),
    },
    {
      id: 'conclusion/only',
      source: contention,
      needs: nothingMore,
      text: '64 KiB, k=8, first reads: only reuse helps: with malloc tuned, workers in readFileSync still wait for the write lock at least half as long in each read',
      figure: 'the only mitigation',
      unit: 'wait for writing, with faultless/tune / without, workers',
      rule: atLeast(0.5),
      measure: results => lockSpeedup(results.locks(tuned), results.locks(plain()), 'workers', locks.writeWaitPerRead),
    },
    {
      id: 'conclusion/tune',
      source: expectations,
      text: 'readFileSync of 64 KiB, k=8, first reads: faultless/tune makes workers 1.5 times as fast, without a change of code',
      figure: 'at least 1.5',
      unit: 'with faultless/tune / without, workers',
      advice: 'run workers under node --import faultless/tune, code unchanged',
      rule: atLeast(1.5),
      measure: results => speedup(results.cell(tuned), results.cell(plain()), 'first', 'workers'),
    },
    {
      id: 'conclusion/tune-gap',
      source: expectations,
      text: 'readFileSync of 64 KiB, k=8, first reads: with faultless/tune workers are as fast as processes',
      figure: 'at least 0.95',
      unit: 'workers / processes',
      rule: atLeast(0.95),
      measure: results => ratio(results.cell(tuned), 'first'),
    },
    {
      id: 'conclusion/ours',
      source: expectations,
      text: '64 KiB, k=8, first reads: workers in readInto are faster than with the best mitigation of the source, a reused buffer or a pool of 256 KiB',
      figure: 'at least 1.05',
      unit: 'readInto / the best of them, workers',
      rule: atLeast(1.05),
      measure: results =>
        speedupOverBest(results.cell(at('readInto')), [results.cell(REUSE), results.cell(POOLED)], 'first', 'workers'),
    },
  ],
}
