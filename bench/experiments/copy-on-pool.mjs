// copy-on-pool: does a read that copies on the pool leave the event loop free?
import { below } from '../harness/verdict.mjs'
import { slowMapExperiment, stalledShare } from './slow-map-works.mjs'
import { mappingModule } from './sources.mjs'

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'copy-on-pool',
  answers: ['M3'],
  title: 'Copying on the pool',
  question: 'Does a read of a mapping that copies on the pool leave the event loop free while a slow disk delivers?',
  brief: true,
  ...slowMapExperiment(['read']),
  claims: [
    {
      id: 'copy-on-pool/stall',
      source: mappingModule,
      text: 'a cold file on a slow disk, read in pieces that are copied on the pool: the event loop does not wait for the disk',
      figure: '"safe because it is happening on a separate thread"',
      unit: 'of the time, in one stall',
      rule: below(0.1),
      measure: stalledShare('read'),
    },
  ],
}
