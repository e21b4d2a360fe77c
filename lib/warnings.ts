// Warnings about problems that the package can neither prevent nor fix, emitted once in each thread.

const said = new Set<string>()

/** Warns that the memory of views was transferred, and says how to avoid that. */
export function warnOfLostViews(path: string): void {
  const code = 'FAULTLESS_VIEWS_DETACHED'
  if (said.has(code)) return
  said.add(code)
  process.emitWarning(
    `'${path}': the ArrayBuffer behind a view was transferred, so all views over it are empty now. A byte stream transfers the ` +
      'memory that it gets; so does ArrayBuffer.prototype.transfer(). Pass results of slice() or createReadStream() to them.',
    {
      type: 'FaultlessWarning',
      code,
      detail: 'https://github.com/faultless/faultless/blob/main/docs/safety.md#views-whose-memory-is-transferred',
    },
  )
}
