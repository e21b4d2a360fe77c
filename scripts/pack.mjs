// `npm run pack`: the tarballs that users install. They are tested as they are, and published as they are.
//
//   node scripts/pack.mjs [--out DIR] [--all]
//
// The package itself is compiled anew; each platform package of npm/ is packed with its addon, which is built in the root
// or was put beside its package.json by `napi artifacts`. Only what was packed becomes an optional dependency, and only of
// the packed copy: `npm ci` in a clone would fail on one that is not published yet. --all refuses to leave a platform out.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('../', import.meta.url))
const options = { out: { type: 'string', default: 'artifacts/packed' }, all: { type: 'boolean', default: false } }
const { out, all } = parseArgs({ options }).values

const readJson = path => JSON.parse(fs.readFileSync(path, 'utf8'))
const { devDependencies, scripts, overrides, napi, ...manifest } = readJson(join(root, 'package.json'))
const { version, license } = manifest

const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
const stage = fs.mkdtempSync(join(tmpdir(), 'faultless-pack-'))
try {
  const platforms = fs.readdirSync(join(root, 'npm')).filter(stagePlatform)
  stagePackage(platforms)
  const destination = resolve(out)
  fs.rmSync(destination, { recursive: true, force: true })
  fs.mkdirSync(destination, { recursive: true })
  for (const name of ['package', ...platforms]) {
    const cwd = join(stage, name)
    const packed = execFileSync(npm, ['pack', '--silent', '--ignore-scripts', '--pack-destination', destination], {
      cwd,
      encoding: 'utf8',
      shell: process.platform === 'win32',
    })
    console.log(join(destination, packed.trim()))
  }
} finally {
  fs.rmSync(stage, { recursive: true, force: true })
}

function stagePlatform(name) {
  const from = join(root, 'npm', name)
  const platform = readJson(join(from, 'package.json'))
  const addon = [from, root].map(folder => join(folder, platform.main)).find(path => fs.existsSync(path))
  if (!addon) {
    if (all) throw new Error(`there is no ${platform.main}, neither in npm/${name} nor in the root: build it first`)
    return false
  }
  fill(name, { ...platform, type: 'commonjs', version, license }, [addon, join(from, 'README.md')])
  return true
}

function stagePackage(platforms) {
  const names = platforms.map(name => readJson(join(root, 'npm', name, 'package.json')).name)
  if (names.length === 0) throw new Error('there is no addon to pack: npm run build:addon')
  const optionalDependencies = Object.fromEntries(names.map(name => [name, version]))
  const files = ['README.md', 'CHANGELOG.md', 'binding.js', 'binding.d.ts'].map(name => join(root, name))
  const folder = fill('package', { ...manifest, optionalDependencies }, files)
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const project = ['--project', join(root, 'tsconfig.build.json'), '--outDir', join(folder, 'dist')]
  execFileSync(process.execPath, [compiler, ...project], { stdio: 'inherit' })
  execFileSync(process.execPath, [join(root, 'scripts/older-types.mjs'), join(folder, 'dist')])
  for (const program of Object.values(manifest.bin)) fs.chmodSync(join(folder, program), 0o755)
}

/** Makes a folder of the stage with this manifest, these files, and the licence. */
function fill(name, json, files) {
  const folder = join(stage, name)
  fs.mkdirSync(folder)
  fs.writeFileSync(join(folder, 'package.json'), `${JSON.stringify(json, null, 2)}\n`)
  for (const path of [...files, join(root, 'LICENSE')]) fs.copyFileSync(path, join(folder, path.split(/[\\/]/).at(-1)))
  return folder
}
