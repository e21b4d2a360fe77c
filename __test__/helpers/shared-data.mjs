// Real files of other projects, in a folder next to the repository where they are installed.

import fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../../shared/data/', import.meta.url))

/** The path of such a file. */
export const sharedData = name => join(folder, name)

/** Why there are none here, or undefined. */
export const noSharedData = fs.existsSync(folder)
  ? undefined
  : 'there is no folder ../shared/data beside the repository'
