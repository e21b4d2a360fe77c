// Warnings about problems that the package can neither prevent nor fix.

const DOCUMENTATION = 'https://github.com/faultless/faultless/blob/main/docs/safety.md'

/** The warnings that this thread has emitted. */
const said = new Set<string>()

function warn(code: string, key: string, message: string, section: string): void {
  if (said.has(key)) return
  said.add(key)
  process.emitWarning(message, { type: 'FaultlessWarning', code, detail: `${DOCUMENTATION}#${section}` })
}

/** Warns, once in each thread, that the memory of views was transferred, and says how to avoid that. */
export function warnOfLostViews(path: string): void {
  const code = 'FAULTLESS_VIEWS_DETACHED'
  warn(
    code,
    code,
    `'${path}': the ArrayBuffer behind a view was transferred, so all views over it are empty now. A byte stream transfers the ` +
      'memory that it gets; so does ArrayBuffer.prototype.transfer(). Pass results of slice() or createReadStream() to them.',
    'views-whose-memory-is-transferred',
  )
}

/** Warns, once for each file in each thread, that views show zeros in place of bytes of the file. */
export function warnOfLostBytes(path: string): void {
  const code = 'FAULTLESS_VIEWS_LOST'
  warn(
    code,
    `${code} ${path}`,
    `'${path}': the file was truncated, or its device failed, while a view of it was used. The view shows zeros in place of the ` +
      'lost bytes, also after the file has grown again, and stores there do not reach the file. Call refresh() and make ' +
      'a new view. Replace files by a rename, not in place.',
    'views-that-have-lost-bytes',
  )
}
