// An invented run of the matrix, on an invented machine, for tests of reports and documents.

/** The environment of a run, as environment.json has it. @param {string} command */
export const environmentOf = command => ({
  date: '2026-01-02T03:04:05Z',
  command,
  commit: '0123456789abcdef',
  dirty: false,
  cpu: { cores: 2, model: 'a processor' },
  memory: 2 ** 33,
  kernel: '6.0',
  node: 'v20',
  bufferPoolSize: 8192,
  glibc: '2.36',
  fileSystem: 'ext4',
  readAheadKiB: 128,
})

/** Samples of cells in which worker threads wait, as samples.jsonl has them. */
export function samplesOf(cells, phases) {
  const histogram = [
    { from: 1024, to: 2048, count: 5 },
    { from: 2048, to: 4096, count: 5 },
  ]
  const acquisitions = wait => ({
    count: 10,
    waited: { total: 10 * wait, mean: wait, longest: 2 * wait, histogram },
    held: { total: 10, mean: 1 },
    failed: 0,
  })
  const locks = wait => ({
    locks: { writes: acquisitions(wait), reads: acquisitions(wait) },
    lost: 0,
    unmatched: 0,
    leftOut: 3,
  })
  return cells.flatMap(cell =>
    ['workers', 'processes'].flatMap(mode =>
      phases.map(phase => ({
        ...cell,
        mode,
        pass: 0,
        phase,
        round: 0,
        late: 0,
        throughput: mode === 'workers' ? 1000 : 2000 * cell.k,
        members: Array.from({ length: cell.k }, () => ({ operations: 10, elapsed: 10 })),
        resident: 2 ** 26,
        usage: {},
        ...(phase === 'traced' ? locks(mode === 'workers' ? 3000 : 100) : {}),
      })),
    ),
  )
}
