// The tarballs of `npm run pack`, as users install them: into an empty folder, without cargo and without a registry.

import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { basename, delimiter, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { KiB, seededBytes, seededFile, temporaryFolder } from './helpers/files.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const run = promisify(execFile)
const folder = temporaryFolder()
const project = join(folder, 'project')
const tools = join(folder, 'tools')
const isWindows = process.platform === 'win32'
/** What a user's shell has: Node and what comes with it. No cargo, no compiler, and a registry that nobody serves. */
const env = {
  // Windows needs many of its variables, and cannot run programs through links.
  ...(isWindows ? process.env : {}),
  PATH: isWindows ? `${dirname(process.execPath)};${process.env.SystemRoot}\\System32` : tools,
  HOME: folder,
  npm_config_cache: join(folder, 'cache'),
  npm_config_registry: 'http://127.0.0.1:9',
  npm_config_offline: 'true',
  npm_config_update_notifier: 'false',
}
const node = (...words) => run(process.execPath, words, { cwd: project, env })
const npm = (name, ...words) => run(name, words, { cwd: project, env, shell: isWindows })
/** What `tar` prints of a tarball. By its relative path, since GNU tar takes C: for a host. */
const tar = async (options, tarball, ...words) => {
  const { stdout } = await run('tar', [options, basename(tarball), ...words], { cwd: dirname(tarball) })
  return stdout.trim().split(/\r?\n/)
}

let main
let platform
let platformName

test.before(async () => {
  const { stdout } = await run(process.execPath, ['scripts/pack.mjs', '--out', join(folder, 'packed')], { cwd: root })
  ;[main, platform] = stdout.trim().split(/\r?\n/)
  platformName = basename(platform).replace(/-\d.*/, '')
  for (const path of [project, tools]) fs.mkdirSync(path)
  // Node itself may come without npm, as the versions of `npm run test:nodes` do.
  const places = [dirname(process.execPath), ...process.env.PATH.split(delimiter), '/bin', '/usr/bin']
  for (const name of isWindows ? [] : ['node', 'npm', 'npx', 'sh', 'env']) {
    const found = places.map(place => join(place, name)).find(path => fs.existsSync(path))
    fs.symlinkSync(fs.realpathSync(found), join(tools, name))
  }
  await npm('npm', 'install', '--no-audit', '--no-fund', main, platform)
})

test('an empty folder has after the installation just the two packages', t => {
  const { dependencies } = JSON.parse(fs.readFileSync(join(project, 'package.json'), 'utf8'))
  const names = ['faultless', platformName]
  t.deepEqual(Object.keys(dependencies), names)
  t.deepEqual(
    fs.readdirSync(join(project, 'node_modules')).filter(name => !name.startsWith('.')),
    names,
  )
})

const PROGRAM = `
  const file = await MappedFile.open('data')
  const [header, many] = await Promise.all([mmapRead('data', 10, 20), file.readMany([{ offset: 9000, length: 7 }])])
  const bytes = Buffer.concat([header, many[0], await file.view(0, 5)])
  await file.close()
  console.log(bytes.toString('hex'), typeof pmtilesSource)
`

for (const [how, name, program] of [
  [
    'import',
    'program.mjs',
    `import { MappedFile, mmapRead } from 'faultless'
     import { pmtilesSource } from 'faultless/sources'
     import 'faultless/tune'
     ${PROGRAM}`,
  ],
  [
    'require()',
    'program.cjs',
    `const { MappedFile, mmapRead } = require('faultless')
     const { pmtilesSource } = require('faultless/sources')
     require('faultless/tune')
     ;(async () => {${PROGRAM}})()`,
  ],
]) {
  test(`by ${how} it reads, tunes and has its sources`, async t => {
    seededFile(project, 64 * KiB, 1, 'data')
    fs.writeFileSync(join(project, name), program)
    const bytes = seededBytes(64 * KiB, 1)
    const parts = [bytes.subarray(10, 30), bytes.subarray(9000, 9007), bytes.subarray(0, 5)]
    t.deepEqual(await node(name), { stdout: `${Buffer.concat(parts).toString('hex')} function\n`, stderr: '' })
  })
}

test('node --import faultless/tune tunes, by the addon of the platform package', async t => {
  const program = `
    const addons = process.report.getReport().sharedObjects.filter(path => path.endsWith('.node'))
    import('faultless').then(({ capabilities }) => console.log(JSON.stringify({ addons, tune: capabilities().tune })))`
  const { stdout, stderr } = await node('--import', 'faultless/tune', '--eval', program)
  t.is(stderr, '')
  const { addons, tune } = JSON.parse(stdout)
  const installed = join(project, 'node_modules', platformName, `${platformName.replace('-', '.')}.node`)
  t.deepEqual(
    addons.map(path => fs.realpathSync(path)),
    [fs.realpathSync(installed)],
  )
  t.is(typeof tune, 'boolean')
})

test('examples of the package run where it is installed', async t => {
  const { stdout } = await node('node_modules/faultless/examples/nearest-neighbours.mjs')
  t.regex(stdout, /^vector 42: /)
})

test('npx faultless doctor --json runs', async t => {
  // Its exit code shows whether something should be changed on this machine.
  const ended = await npm('npx', 'faultless', 'doctor', '--json').catch(error => error)
  const { command, checks } = JSON.parse(ended.stdout)
  t.is(command, 'doctor')
  t.true(checks.length > 5)
  t.is(ended.stderr, '')
})

test('the tarball has the code, its types, the documents and the examples, and its program can be executed', async t => {
  const entries = await tar('-tvzf', main)
  const names = entries.map(line => line.slice(line.indexOf(' package/') + ' package/'.length))
  const front = ['CHANGELOG.md', 'LICENSE', 'README.md', 'binding.d.ts', 'binding.js', 'package.json']
  const isShown = name => /^(docs|examples)\//.test(name)
  t.deepEqual(names.filter(name => !name.startsWith('dist/') && !isShown(name)).sort(), front)
  const shown = ['docs', 'examples'].flatMap(folder => {
    const found = fs.readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    return found.filter(entry => entry.isFile()).map(({ parentPath, name }) => relative(root, join(parentPath, name)))
  })
  t.deepEqual(names.filter(isShown).sort(), shown.sort())
  t.true(fs.statSync(main).size < 300 * KiB, `${fs.statSync(main).size} bytes`)
  const compiled = names.filter(name => name.startsWith('dist/'))
  const programs = compiled.filter(name => name.endsWith('.js'))
  const types = compiled.filter(name => name.endsWith('.d.ts'))
  t.is(programs.length + types.length, compiled.length)
  const older = types.filter(name => name.startsWith('dist/ts5.6/'))
  const current = types.filter(name => !older.includes(name))
  t.deepEqual(current.map(name => name.replace('.d.ts', '.js')).sort(), programs.sort())
  t.deepEqual(older.map(name => name.replace('ts5.6/', '')).sort(), current.sort())
  t.regex(
    entries.find(line => line.endsWith('dist/lib/cli/main.js')),
    /^-rwxr-xr-x/,
  )

  const manifest = JSON.parse((await tar('-xzOf', main, 'package/package.json')).join('\n'))
  t.deepEqual(manifest.optionalDependencies, { [platformName]: manifest.version })
  for (const field of ['dependencies', 'devDependencies', 'scripts', 'overrides', 'napi'])
    t.is(manifest[field], undefined)

  const addon = (await tar('-tzf', platform)).map(name => basename(name))
  t.deepEqual(addon.sort(), ['LICENSE', 'README.md', `${platformName.replace('-', '.')}.node`, 'package.json'])
})
