// `npm run build:addon`: builds the addon with napi, in release mode unless another profile is named.
//
//   node scripts/build-addon.mjs [--no-jemalloc] [options of `napi build`, such as --target TRIPLE or --profile quick]
//
// jemalloc is linked in where its own build is known to work: on Linux with make and a C compiler, for this machine or for glibc.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { explainLoadFailure } from './load-failure.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const has = command => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0

/**
 * Why jemalloc is not built for this target, or for this machine; undefined where it is.
 * @param {string} [target] may end with a version of glibc, as in 'x86_64-unknown-linux-gnu.2.28'
 */
function jemallocObstacle(target = process.platform) {
  if (target !== 'linux' && !/-linux-gnu(\.[\d.]+)?$/.test(target))
    return `it is built for Linux with glibc, not for ${target}`
  const missing = ['make', 'cc'].filter(command => !has(command))
  if (missing.length > 0) return `there is no ${missing.join(' and no ')} here`
  return undefined
}

const given = process.argv.slice(2)
const passed = given.filter(argument => argument !== '--no-jemalloc')
const target = passed[passed.indexOf('--target') + 1 || passed.length]
const obstacle = given.length > passed.length ? '--no-jemalloc was given' : jemallocObstacle(target)
if (obstacle) {
  console.error(
    `faultless: the addon is built without jemalloc, because ${obstacle}: allocator.use('jemalloc') will throw.`,
  )
}

const output = resolve(root, passed[passed.indexOf('--output-dir') + 1 || passed.length] ?? '.')

const { status } = spawnSync(
  process.execPath,
  [
    'node_modules/@napi-rs/cli/dist/cli.js',
    ...['build', '--platform', '--manifest-path', 'crates/binding/Cargo.toml'],
    ...(passed.includes('--output-dir') ? [] : ['--output-dir', '.']),
    ...['--js', 'binding.js', '--dts', 'binding.d.ts', '--esm', '--no-const-enum'],
    ...(passed.includes('--profile') ? [] : ['--release']),
    ...(obstacle ? [] : ['--features', 'jemalloc']),
    ...passed,
  ],
  { cwd: root, stdio: 'inherit' },
)
process.exitCode = status ?? 1
if (status === 0) {
  fitForBundles(join(output, 'binding.js'))
  explainFailures(join(output, 'binding.js'))
}

/**
 * CommonJS bundles of the loader that napi has written have no `import.meta.url`, but a `__filename`.
 * @param {string} path
 */
function fitForBundles(path) {
  const written = 'createRequire(import.meta.url)'
  const loader = fs.readFileSync(path, 'utf8')
  if (loader.split(written).length !== 2) throw new Error(`${path} was expected to have ${written} once`)
  fs.writeFileSync(path, loader.replace(written, 'createRequire(import.meta.url || __filename)'))
}

/**
 * The loader that napi has written says of every failure that npm has a bug.
 * @param {string} path
 */
function explainFailures(path) {
  const written = /const error = new Error\(\s*`Cannot find native binding[\s\S]*?\n {4}\)/
  const loader = fs.readFileSync(path, 'utf8')
  if (!written.test(loader)) throw new Error(`${path} was expected to have an error of its own`)
  const call = `const isInstalled = name => {
      try {
        return Boolean(require.resolve(\`\${name}/package.json\`))
      } catch {
        return false
      }
    }
    const { platform, arch } = process
    const error = explainLoadFailure(loadErrors, { platform, arch, isMusl: isMusl(), isInstalled })`
  fs.writeFileSync(path, `${loader.replace(written, () => call)}\n${explainLoadFailure}\n`)
}
