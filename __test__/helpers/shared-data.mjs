// Real files of other projects' making, which lie beside the repository where it was set up for that.

import fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../../shared/data/', import.meta.url))

/** The paths of these files; where the folder is absent the test passes, says so, and this is undefined. */
export function sharedData(t, ...names) {
  if (fs.existsSync(folder)) return names.map(name => join(folder, name))
  t.log('not run here: there is no folder ../shared/data beside the repository')
  t.pass()
}
