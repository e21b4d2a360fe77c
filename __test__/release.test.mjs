// The checks of packages before they are published: each finds the defect that it is made for.

import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { pageOf, withAbsoluteLinks } from '../scripts/links.mjs'
import { addonProblem, checks, packageIn, packagesIn, workflowProblems } from '../scripts/release/packages.mjs'
import { temporaryFolder } from './helpers/files.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const run = promisify(execFile)
const folder = temporaryFolder()
const packed = join(folder, 'packed')
const { devDependencies, ...source } = JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8'))
const [complete, equalVersions, accepted, workflows, links] = Object.values(checks)
let packages

test.before(async () => {
  await run(process.execPath, ['scripts/pack.mjs', '--out', packed, '--stand-ins'], { cwd: root })
  packages = packagesIn(packed, folder)
})

/** The packages, one of which is a copy whose manifest and files were changed. */
function broken(name, { manifest = {}, files = {} }) {
  return packages.map(one => {
    if (one.manifest.name !== name) return one
    const copy = fs.mkdtempSync(join(folder, 'broken-'))
    fs.cpSync(one.folder, copy, { recursive: true })
    fs.writeFileSync(join(copy, 'package.json'), JSON.stringify({ ...one.manifest, ...manifest }))
    for (const [path, text] of Object.entries(files)) fs.writeFileSync(join(copy, path), text)
    return packageIn(copy)
  })
}

test('the packages as they are pass', t => {
  t.is(packages.length, 9)
  t.is(packages.at(-1).manifest.name, 'faultless')
  for (const check of [complete, equalVersions, accepted, workflows, links]) t.deepEqual(check(packages), [])
})

test('a platform that is missing, of another version, or not an optional dependency is found', t => {
  const without = packages.filter(({ manifest }) => manifest.name !== 'faultless-darwin-x64')
  t.deepEqual(complete(without), ['faultless-darwin-x64 is not packed'])
  const older = broken('faultless-darwin-x64', { manifest: { version: '0.0.9' } })
  t.deepEqual(complete(older), [`faultless-darwin-x64 has version 0.0.9, package.json ${source.version}`])
  const { 'faultless-darwin-x64': _, ...optionalDependencies } = packages.at(-1).manifest.optionalDependencies
  const found = complete(broken('faultless', { manifest: { optionalDependencies } }))
  t.deepEqual(found, [`optionalDependencies has faultless-darwin-x64@undefined instead of ${source.version}`])
  t.deepEqual(complete(packages.slice(0, -1)), ['faultless is not among the packages'])
  const loader = broken('faultless', { files: { 'binding.js': '' } })
  t.is(complete(loader).length, 8)
})

test('a package that names another repository, or none, is found', t => {
  for (const repository of [undefined, { ...source.repository, url: 'git+https://github.com/someone/else.git' }]) {
    const found = accepted(broken('faultless-linux-x64-musl', { manifest: { repository } }))
    t.is(found.length, 1)
    t.regex(found[0], /^faultless-linux-x64-musl has another repository than package\.json/)
  }
  t.deepEqual(accepted(broken('faultless', { manifest: { private: true } })), ['faultless is private'])
})

test('dead links and pictures of a packed document are found', t => {
  const page = 'https://github.com/faultless/faultless'
  const dead = [
    'docs/none.md',
    'docs/api.md#nowhere',
    '#nowhere',
    `${page}/blob/v${source.version}/docs/none.md`,
    `${page}/blob/v${source.version}/docs/safety.md#nowhere`,
    `${page}/blob/main/docs/api.md`,
    'http://example.com/picture.png',
  ]
  const alive = [
    `${page}/blob/v${source.version}/docs/safety.md#writing`,
    '#here',
    'docs/api.md',
    'CHANGELOG.md',
    'https://semver.org',
  ]
  const text = `# Here\n${[...dead, ...alive].map(url => `[a link](${url})`).join('\n')}\n<img src="docs/none.svg">\n`
  const found = links(broken('faultless', { files: { 'README.md': text } }))
  const expected = [...dead, 'docs/none.svg'].map(url => `faultless: README.md links to ${url}, which is not there`)
  t.deepEqual(found, expected)
})

test('a platform that no workflow builds, and a publication without provenance or without the tests, are found', t => {
  const broken = (from, to) => workflowProblems(name => workflowOf(name).replace(from, to))
  t.deepEqual(broken('target: aarch64-apple-darwin', 'target: aarch64-apple-ios'), [
    'platforms.yml does not build aarch64-apple-darwin',
    'package.json has no target aarch64-apple-ios',
  ])
  t.deepEqual(broken('id-token: write', 'id-token: read'), ['release.yml has no "id-token: write"'])
  t.deepEqual(broken(' --provenance', ''), ['release.yml has no "--provenance"'])
  t.is(broken('uses: ./.github/workflows/ci.yml', 'uses: ./.github/workflows/other.yml').length, 1)
})

test('workflows use actions of this repository, or pinned by the hash of a commit whose version a comment names', t => {
  const used = fs
    .readdirSync(join(root, '.github/workflows'))
    .flatMap(name => [...workflowOf(name).matchAll(/\buses: (.*)/g)].map(([, action]) => `${name}: ${action}`))
  t.true(used.length > 10)
  const pinned = /^\S+: (\.\/\S+|[\w-]+\/[\w-]+@[\da-f]{40} # v\d+\.\d+\.\d+)$/
  t.deepEqual(
    used.filter(line => !pinned.test(line)),
    [],
  )
})

function workflowOf(name) {
  return fs.readFileSync(join(root, '.github/workflows', name), 'utf8')
}

test('a linter that cannot be installed is left out with the reason, and fails where nothing may be skipped', async t => {
  const copy = temporaryFolder(t)
  for (const path of ['scripts/tool.sh', '.github/requirements.txt']) fs.cpSync(join(root, path), join(copy, path))
  const bin = join(copy, 'bin')
  fs.mkdirSync(bin)
  for (const name of ['bash', 'dirname', 'grep', 'tr', 'tail']) {
    const { stdout } = await run('which', [name])
    fs.symlinkSync(stdout.trim(), join(bin, name))
  }
  const lint = env => run('bash', ['scripts/tool.sh', 'actionlint'], { cwd: copy, env: { PATH: bin, ...env } })
  const { stdout } = await lint({})
  t.is(stdout, 'left out: actionlint, because there is no python3 to install it with\n')
  const refused = await t.throwsAsync(lint({ FAULTLESS_TESTS: 'all' }))
  t.is(refused.code, 1)
  t.is(refused.stdout, stdout)
})

test('links become absolute wherever Markdown and HTML have them, and nothing else changes', t => {
  const repository = { page: 'https://github.com/o/n', ref: 'v1.0.0' }
  const text = `[docs/a.md](docs/a.md#b) \`[code](docs/a.md)\` [![p](p.svg)](../LICENSE "LICENSE") [r] [h](#here) <https://e.org>
<picture><source srcset="docs/dark.svg"><img src="docs/p.png" alt="docs/p.png"></picture>

[r]: examples
`
  t.is(
    withAbsoluteLinks(text, 'sub/README.md', repository),
    `[docs/a.md](https://github.com/o/n/blob/v1.0.0/sub/docs/a.md#b) \`[code](docs/a.md)\` \
[![p](https://raw.githubusercontent.com/o/n/v1.0.0/sub/p.svg)](https://github.com/o/n/blob/v1.0.0/LICENSE "LICENSE") [r] [h](#here) <https://e.org>
<picture><source srcset="https://raw.githubusercontent.com/o/n/v1.0.0/sub/docs/dark.svg">\
<img src="https://raw.githubusercontent.com/o/n/v1.0.0/sub/docs/p.png" alt="docs/p.png"></picture>

[r]: https://github.com/o/n/blob/v1.0.0/sub/examples
`,
  )
})

test('links to packed files stay relative, except pictures of the README, which a registry shows', t => {
  const repository = { page: 'https://github.com/o/n', ref: 'v1.0.0' }
  const text = '[a](docs/a.md#b) ![p](docs/p.svg) [c](CONTRIBUTING.md)\n'
  const isPacked = path => path.startsWith('docs/')
  const raw = 'https://raw.githubusercontent.com/o/n/v1.0.0'
  const other = '[c](https://github.com/o/n/blob/v1.0.0/CONTRIBUTING.md)\n'
  t.is(withAbsoluteLinks(text, 'README.md', repository, isPacked), `[a](docs/a.md#b) ![p](${raw}/docs/p.svg) ${other}`)
  t.is(withAbsoluteLinks(text, 'OTHER.md', repository, isPacked), `[a](docs/a.md#b) ![p](docs/p.svg) ${other}`)
})

test('an addon of another platform is found, and nothing is published with a stand-in', async t => {
  const platforms = packages.filter(({ isMain }) => !isMain)
  const built = platforms.filter(one => addonProblem(one) === undefined)
  t.true(built.length > 0)
  const [{ folder: from, manifest }] = built
  const name = manifest.name === 'faultless-linux-arm64-gnu' ? 'faultless-linux-x64-gnu' : 'faultless-linux-arm64-gnu'
  const wrong = platforms.find(one => one.manifest.name === name)
  const addon = fs.readFileSync(join(from, manifest.main))
  const mistaken = broken(name, { files: { [wrong.manifest.main]: addon } }).find(one => one.manifest.name === name)
  t.regex(addonProblem(mistaken), /^faultless\.\S+ is (linux|darwin|win32) .* and its package is for linux/)

  const registry = 'http://127.0.0.1:9'
  const ended = run(process.execPath, ['scripts/release/publish.mjs', packed, '--tag', `v${source.version}`], {
    cwd: root,
    env: { ...process.env, npm_config_registry: registry, NPM_TOKEN: '' },
  })
  const { code, stderr } = await t.throwsAsync(ended)
  t.is(code, 1)
  t.regex(stderr, /^publish: nothing was published:\n/)
  t.regex(stderr, /faultless\.darwin-arm64\.node is not an addon, and its package is for darwin arm64/)
  const other = run(process.execPath, ['scripts/release/publish.mjs', packed, '--tag', 'v9.9.9'], { cwd: root })
  t.regex((await t.throwsAsync(other)).stderr, /^publish: the tag is v9\.9\.9, and the packages have version /)
})

test('the platform packages match those that napi makes of package.json', async t => {
  const fresh = join(root, 'artifacts/npm')
  t.teardown(() => fs.rmSync(fresh, { recursive: true, force: true }))
  const napi = join(root, 'node_modules/@napi-rs/cli/dist/cli.js')
  await run(process.execPath, [napi, 'create-npm-dirs', '--npm-dir', 'artifacts/npm'], { cwd: root })
  const files = fs.readdirSync(fresh, { recursive: true, encoding: 'utf8' }).filter(path => /\.(json|md)$/.test(path))
  t.is(files.length, 16)
  for (const path of files)
    t.is(fs.readFileSync(join(root, 'npm', path), 'utf8'), fs.readFileSync(join(fresh, path), 'utf8'), path)
})

test('whatever names the repository names the one of package.json', t => {
  const page = pageOf(source)
  t.is(source.homepage, `${page}#readme`)
  t.is(source.bugs, `${page}/issues`)
  const texts = fs
    .readdirSync(root, { encoding: 'utf8' })
    .filter(name => ['.github', 'docs', 'npm', 'bench'].includes(name) || name.endsWith('.md'))
    .flatMap(name => (name.endsWith('.md') ? [name] : within(name)))
    .map(path => fs.readFileSync(join(root, path), 'utf8'))
  const named = texts.flatMap(text => text.match(/https:\/\/github\.com\/[^/\s]+\/faultless\b/g) ?? [])
  t.true(named.length > 0)
  t.deepEqual([...new Set(named)], [page])
})

/** The files below a folder that people read or GitHub does. */
function within(folder) {
  const paths = fs.readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return paths.filter(path => /^(?!results).*\.(md|ya?ml|json)$/.test(path)).map(path => join(folder, path))
}
