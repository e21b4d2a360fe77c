// Compiles the addon of programs/mapping-addon.c as that of a package with the name `busy-mapper`.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { include_dir as headers } from 'node-api-headers'
import { temporaryFolder } from './files.mjs'

const source = fileURLToPath(new URL('../programs/mapping-addon.c', import.meta.url))

/** The way to the addon, which is gone after all tests. */
export function mappingAddon(...options) {
  const addon = join(temporaryFolder(), 'node_modules/busy-mapper/build/Release/mapper.node')
  fs.mkdirSync(dirname(addon), { recursive: true })
  execFileSync('cc', ['-shared', '-fPIC', '-O3', ...options, '-I', headers, '-o', addon, source])
  return addon
}
