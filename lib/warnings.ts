// Warnings: what the package can neither prevent nor mend, said once in each thread.

const said = new Set<string>()

/** Says that memory of views was taken away from them, and how to keep that from happening. */
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
