// indexing-blocks: does indexing a mapped Buffer do its disk I/O on the JavaScript thread?
import { atLeast } from '../harness/verdict.mjs'
import { slowMapExperiment, stalledShare } from './slow-map-works.mjs'
import { mappingModule } from './sources.mjs'

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'indexing-blocks',
  answers: ['M1', 'M2'],
  title: 'Indexing a mapped Buffer',
  question: 'Does indexing a mapped Buffer do its disk I/O on the JavaScript thread?',
  brief: true,
  ...slowMapExperiment(['index', 'view']),
  claims: [
    {
      id: 'indexing-blocks/stall',
      source: mappingModule,
      text: 'a cold file on a slow disk, each page indexed in one turn: the event loop stands still while the disk delivers',
      figure: '"will necessarily happen on the JS thread"',
      unit: 'of the time, in one stall',
      rule: atLeast(0.9),
      measure: stalledShare('index'),
    },
  ],
}
