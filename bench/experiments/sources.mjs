// The documents whose claims are tried.

export const contention = {
  title: 'Node.js Worker Threads vs Processes — Memory Allocation Contention Analysis',
  author: 'platformatic',
}

/** Expectations of our own, held to the same rules. */
export const ours = { title: 'our own expectations', author: 'faultless' }
