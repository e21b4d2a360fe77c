// prefault-then-view: does handing out the mapping leave the event loop free once the pool has faulted it in?
import { below } from '../harness/verdict.mjs'
import { slowMapExperiment, stalledShare } from './slow-map-works.mjs'
import { mappingModule } from './sources.mjs'

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'prefault-then-view',
  answers: ['M6'],
  title: 'Faulting in on the pool, then handing out the mapping',
  question: 'Does a view that the pool has faulted in leave the event loop free, while its pages stay?',
  brief: true,
  ...slowMapExperiment(['view']),
  claims: [
    {
      id: 'prefault-then-view/stall',
      source: mappingModule,
      text: 'a cold file on a slow disk, read in views that the pool has faulted in: indexing them does not wait for the disk',
      figure: '"in theory [...] access to that portion of mapped memory would not block"',
      unit: 'of the time, in one stall',
      rule: below(0.1),
      measure: stalledShare('view'),
    },
  ],
}
