// dubious-gain: is reading through a mapping any faster than fs?
import { KiB } from '../harness/cells.mjs'
import { speedup } from '../harness/ratios.mjs'
import { atLeast, below } from '../harness/verdict.mjs'
import { slowMapExperiment, timesAsFast } from './slow-map-works.mjs'
import { mappingModule, ours } from './sources.mjs'

const at = reader => ({ reader, size: 64 * KiB, k: 1 })
const READERS = ['readFile-1', 'mmapRead', 'readInto', 'view']

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'dubious-gain',
  answers: ['M8', 'M9'],
  title: 'A mapping against fs',
  question: 'Is reading through a mapping faster than fs in Node, all overheads included?',
  ...slowMapExperiment(['fs', 'read', 'view']),
  variants: size => (size === 'toy' ? READERS.map(reader => ({ reader, size: 512, k: 1 })) : READERS.map(at)),
  claims: [
    {
      id: 'dubious-gain/cold',
      source: mappingModule,
      text: 'a cold file on a slow disk, read in order: reads through a mapping are hardly faster than FileHandle.read',
      figure: '"dubious" that there is "any extra performance"',
      unit: 'read / FileHandle.read',
      rule: below(1.2),
      measure: timesAsFast('read', 'fs'),
    },
    {
      id: 'dubious-gain/inline',
      source: ours,
      text: 'a warm file of 64 KiB by its path, reads of one worker after warm-up: mmapRead, which copies resident pages on the JS thread and not on the pool, against fs.promises.readFile',
      figure: 'at least 3',
      unit: 'mmapRead / readFile',
      advice: 'mmapRead() for warm files of 64 KiB, not fs.promises.readFile',
      rule: atLeast(3),
      measure: results => speedup(results.cell(at('mmapRead')), results.cell(at('readFile-1')), 'steady', 'workers'),
    },
  ],
}
