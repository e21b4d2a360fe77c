// The files that a command line names, and what is done with each.

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { usage } from './exit.js'
import { warn } from './output.js'

/** What went wrong with one file. */
export interface Failure {
  path: string
  error: { code: string; message: string }
}

/**
 * Does `work` on one file after the other, and gives back a row for each. What goes wrong with one is said at once and does
 * not keep the others from their turn. Where a folder is named all regular files below it are meant, in the order of their
 * names; links are not followed there. Globs are the shell's.
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
      // What has no code is a mistake of ours.
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

/** Whether a row tells of a failure. */
export const failed = (row: object): row is Failure => 'error' in row

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    // What is not there, or may not be looked at, is said when it is opened.
    return false
  }
}
