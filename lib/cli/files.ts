// Runs a command on each file of its command line.

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { usage } from './exit.js'
import { warn } from './output.js'

/** The failure of one file. */
export interface Failure {
  path: string
  error: { code: string; message: string }
}

/**
 * Runs `work` on one file after the other, and returns a row for each. A failure is printed at once, and the other
 * files still run. A folder stands for all regular files below it, in the order of their names; links in it are not
 * followed. The shell expands globs.
 */
export async function eachFile<Row extends object>(
  words: string[],
  work: (path: string) => Promise<Row>,
  signal?: AbortSignal,
): Promise<(Row | Failure)[]> {
  if (words.length === 0) throw usage('no FILE is given')
  const rows: (Row | Failure)[] = []
  const attempt = async <T>(path: string, step: () => T) => {
    try {
      return await step()
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      // An error without a code is a bug of this program.
      if (code === undefined) throw error
      warn(message)
      rows.push({ path, error: { code, message } })
      return undefined
    }
  }
  const visit = async (path: string, isFolder: boolean): Promise<void> => {
    if (signal?.aborted) return
    if (!isFolder) {
      const row = await attempt(path, () => work(path))
      if (row) rows.push(row)
      return
    }
    const entries = (await attempt(path, () => readdirSync(path, { withFileTypes: true }))) ?? []
    entries.sort((left, right) => (left.name < right.name ? -1 : 1))
    for (const entry of entries) {
      if (entry.isDirectory() || entry.isFile()) await visit(join(path, entry.name), entry.isDirectory())
    }
  }
  for (const word of words) await visit(word, isFolder(word))
  return rows
}

/** Whether a row is a failure. */
export const failed = (row: object): row is Failure => 'error' in row

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    // A missing or forbidden path is reported when it is opened.
    return false
  }
}
