// `npm run pack`: the tarballs that users install. They are tested as they are, and published as they are.
//
//   node scripts/pack.mjs [--out DIR] [--all | --stand-ins]
//
// The package itself is compiled anew. Each platform package of npm/ is packed with its addon, which lies in the root. Without
// an addon the package is left out; --all makes that an error, and --stand-ins packs a text in its place, for rehearsals.
// Only what was packed becomes an optional dependency, and only of the packed copy: `npm ci` in a clone would fail on one
// that is not published yet. Links to files that are not packed, and
// the pictures of README.md, are absolute: they lead to the files of this version on GitHub.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { pageOf, withAbsoluteLinks } from './links.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const options = {
  out: { type: 'string', default: 'artifacts/packed' },
  all: { type: 'boolean' },
  'stand-ins': { type: 'boolean' },
}
const { out, all, 'stand-ins': standIns } = parseArgs({ options }).values

const readJson = path => JSON.parse(fs.readFileSync(path, 'utf8'))
const { devDependencies, scripts, overrides, napi, ...manifest } = readJson(join(root, 'package.json'))
const { version } = manifest
const repository = { page: pageOf(manifest), ref: `v${version}` }

const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
const stage = fs.mkdtempSync(join(tmpdir(), 'faultless-pack-'))
try {
  const platforms = fs.readdirSync(join(root, 'npm')).filter(stagePlatform)
  stagePackage(platforms)
  const destination = resolve(out)
  fs.rmSync(destination, { recursive: true, force: true })
  fs.mkdirSync(destination, { recursive: true })
  const folders = ['package', ...platforms].map(name => `./${name}`)
  const packed = execFileSync(
    npm,
    ['pack', '--silent', '--ignore-scripts', '--pack-destination', destination, ...folders],
    {
      cwd: stage,
      encoding: 'utf8',
      shell: process.platform === 'win32',
    },
  )
  for (const name of packed.trim().split('\n')) console.log(join(destination, name))
} finally {
  fs.rmSync(stage, { recursive: true, force: true })
}

function stagePlatform(name) {
  const from = join(root, 'npm', name)
  const platform = readJson(join(from, 'package.json'))
  const addon = join(root, platform.main)
  const isBuilt = fs.existsSync(addon)
  if (!isBuilt && all) throw new Error(`there is no ${platform.main} in the root: build it on its platform first`)
  if (!isBuilt && !standIns) return false
  const readme = join(from, 'README.md')
  const folder = fill(name, { ...platform, type: 'commonjs', version }, isBuilt ? [addon, readme] : [readme])
  if (!isBuilt)
    fs.writeFileSync(join(folder, platform.main), `A stand-in for ${platform.main}, which was not built here.\n`)
  return true
}

function stagePackage(platforms) {
  const names = platforms.map(name => readJson(join(root, 'npm', name, 'package.json')).name)
  if (names.length === 0) throw new Error('there is no addon to pack: npm run build:addon')
  const optionalDependencies = Object.fromEntries(names.map(name => [name, version]))
  const files = ['README.md', 'CHANGELOG.md', 'binding.js', 'binding.d.ts'].map(name => join(root, name))
  const folder = fill('package', { ...manifest, optionalDependencies }, [...files, ...filesIn('docs', 'examples')])
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const project = ['--project', join(root, 'tsconfig.build.json'), '--outDir', join(folder, 'dist')]
  execFileSync(process.execPath, [compiler, ...project], { stdio: 'inherit' })
  execFileSync(process.execPath, [join(root, 'scripts/finish-types.mjs'), join(folder, 'dist')])
  for (const program of Object.values(manifest.bin)) fs.chmodSync(join(folder, program), 0o755)
}

/** All files of folders of the root. */
function filesIn(...folders) {
  return folders.flatMap(folder => {
    const entries = fs.readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  })
}

/** Makes a folder of the stage with this manifest, these files, and the licence. */
function fill(name, json, files) {
  const folder = join(stage, name)
  fs.mkdirSync(folder)
  fs.writeFileSync(join(folder, 'package.json'), `${JSON.stringify(json, null, 2)}\n`)
  const paths = [...files, join(root, 'LICENSE')].map(path => relative(root, path).replaceAll('\\', '/'))
  for (const path of paths) {
    const target = join(folder, path.startsWith('npm/') ? basename(path) : path)
    fs.mkdirSync(dirname(target), { recursive: true })
    if (!path.endsWith('.md')) fs.copyFileSync(join(root, path), target)
    else {
      const text = fs.readFileSync(join(root, path), 'utf8')
      fs.writeFileSync(
        target,
        withAbsoluteLinks(text, path, repository, other => paths.includes(other)),
      )
    }
  }
  return folder
}
