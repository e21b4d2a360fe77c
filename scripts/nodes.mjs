// Other versions of Node, which npm installs into a folder of its own when asked.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Where other users can run them, too, as some tests do: the home of root is closed to them.
const cache = fileURLToPath(new URL('../node_modules/.cache/faultless-nodes', import.meta.url))

/**
 * The program of a version of Node, and an environment in which whatever it starts is of the same version.
 * @param {string} version
 */
export function environmentOf(version, arch = process.arch) {
  const folder = join(cache, arch === process.arch ? version : `${arch}-${version}`)
  fs.mkdirSync(folder, { recursive: true })
  const name = `node-${process.platform}-${arch}@${version}`
  // npm refuses the package of another CPU.
  const force = arch === process.arch ? [] : ['--force']
  execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', ...force, '--prefix', folder, name], {
    stdio: 'inherit',
  })
  const bin = join(folder, 'node_modules', name.split('@')[0], 'bin')
  return [join(bin, 'node'), { ...process.env, PATH: bin + delimiter + process.env.PATH }]
}
