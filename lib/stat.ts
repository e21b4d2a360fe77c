// stat(): the status of an open file, by node:fs.

import { type BigIntStats, fstat, type Stats, stat } from 'node:fs'
import { promisify } from 'node:util'
import { checkOptions } from './arguments.js'
import type { Handle } from './handle.js'
import { option } from './language.js'
import { toBoolean } from './stream.js'

/** Options of `stat()`, as in node:fs. */
export interface StatOptions {
  /** Whether numbers are bigints; false by default. */
  bigint?: boolean | undefined
}

const [ofDescriptor, ofPath] = [promisify(fstat), promisify(stat)]

/** The status of a file. close() waits for it. */
export async function statOf(handle: Handle, options: StatOptions | undefined): Promise<Stats | BigIntStats> {
  if (options !== undefined) checkOptions(options, ['bigint'])
  const bigint = toBoolean(option(options, 'bigint', false), 'options.bigint')
  const { queue } = handle
  const { descriptor } = queue.native
  // On Windows the file has no descriptor that Node could use.
  return queue.during(() =>
    typeof descriptor === 'number' ? ofDescriptor(descriptor, { bigint }) : ofPath(handle.path, { bigint }),
  )
}
