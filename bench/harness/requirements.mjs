// What an experiment needs of a machine: each answers with the reason why it cannot run here, or with nothing.

/** Members that never run at the same time cannot wait for one another's lock. @param {{ cpu: { cores: number } }} environment */
export function twoCores({ cpu }) {
  return cpu.cores < 2 ? 'one core: threads that never run at once do not contend for a lock' : undefined
}
