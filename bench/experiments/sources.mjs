// The documents whose claims are tried, each with what its machine had that its claims rest on.
import { hardwareThreads } from '../harness/requirements.mjs'

export const contention = {
  title: 'Node.js Worker Threads vs Processes — Memory Allocation Contention Analysis',
  author: 'platformatic',
  needs: hardwareThreads(8),
}

export const kernelLock = { title: 'Mysterious kernel lock contention', author: 'Valerie Aurora' }

export const mappingModule = {
  title: 'How would I design and implement a non-blocking memory mapping module for node.js',
  author: 'a question and its answer',
}

export const asyncHazard = {
  title: 'Async hazard: mmap is secretly blocking IO',
  author: 'Huon Wilson',
  needs: hardwareThreads(8),
}

export const prefaulting = { title: 'Go may require prefaulting MMAP', author: 'the article, unsigned' }

/** Expectations of our own, held to the same rules. */
export const ours = { title: 'our own expectations', author: 'faultless' }
