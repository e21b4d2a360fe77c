// `npm run test:runtimes`: the packed package in other runtimes, bundlers and test runners. What cannot run here is named.
//
//   node __test__/runtimes/main.mjs [PART OF A NAME]

import { execFile, execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = join(here, '../..')
const modules = join(here, 'node_modules')
const { dependencies: versions } = JSON.parse(fs.readFileSync(join(here, 'package.json'), 'utf8'))
const EXPECTED = 'all bytes are right'
const [node, minor] = process.versions.node.split('.').map(Number)

const libc = process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl'
const tool = {
  bun: join(
    modules,
    `@oven/bun-linux-${process.arch === 'arm64' ? 'aarch64' : 'x64'}${libc === 'musl' ? '-musl' : ''}/bin/bun`,
  ),
  deno: join(modules, `@deno/linux-${process.arch}-${libc}/deno`),
  esbuild: join(modules, 'esbuild/bin/esbuild'),
  jest: join(modules, 'jest/bin/jest.js'),
  postject: join(modules, 'postject/dist/cli.js'),
  rollup: join(modules, 'rollup/dist/bin/rollup'),
  vite: join(modules, 'vite/bin/vite.js'),
  vitest: join(modules, 'vitest/vitest.mjs'),
}
const RUNS = "import { reads } from './program.mjs'\nreads().then(console.log)\n"
const NAME = 'faultless'
const external = [`--external:${NAME}`, `--external:${NAME}/*`]

/** Rollup with the package as external. @param {'es' | 'cjs'} format @param {string} output */
function rolledUp(format, output) {
  const names = `node:fs,${NAME},${NAME}/sources`
  return [process.execPath, tool.rollup, 'a.mjs', '--external', names, '-f', format, '-o', output, '--silent']
}

/** What runs: `files` are written, `commands` run one after the other, and the last one has to print that the bytes are right. */
const cases = {
  'Node, import': { files: { 'a.mjs': RUNS }, commands: [[process.execPath, 'a.mjs']] },
  'Node, require': {
    files: { 'a.cjs': required() },
    commands: [[process.execPath, 'a.cjs']],
  },
  'Bun, import': { files: { 'a.mjs': RUNS }, commands: [[tool.bun, 'a.mjs']] },
  'Bun, require': { files: { 'a.cjs': required() }, commands: [[tool.bun, 'a.cjs']] },
  Deno: {
    files: { 'a.mjs': RUNS },
    commands: [[tool.deno, 'run', '-A', '--no-lock', '--node-modules-dir=manual', 'a.mjs']],
  },
  'esbuild, ES module': {
    files: { 'a.mjs': RUNS },
    commands: [bundled('esm', 'out.mjs'), [process.execPath, 'out.mjs']],
  },
  'esbuild, CommonJS': {
    files: { 'a.mjs': RUNS },
    commands: [bundled('cjs', 'out.cjs'), [process.execPath, 'out.cjs']],
  },
  'esbuild, CommonJS, the addon copied beside the bundle': {
    files: { 'a.mjs': RUNS },
    commands: [bundled('cjs', 'alone/out.cjs'), copied('alone'), [process.execPath, 'out.cjs', { in: 'alone' }]],
  },
  'esbuild, external': {
    files: { 'a.mjs': RUNS },
    commands: [bundled('cjs', 'out.cjs', ...external), [process.execPath, 'out.cjs']],
  },
  'Node, single executable': {
    reason: process.platform === 'linux' ? undefined : 'it is made for Linux alone here',
    files: {
      'a.mjs': RUNS,
      'sea.json': JSON.stringify({ main: 'alone/out.cjs', output: 'a.blob', disableExperimentalSEAWarning: true }),
    },
    commands: [
      bundled('cjs', 'alone/out.cjs'),
      copied('alone'),
      [process.execPath, '--experimental-sea-config', 'sea.json'],
      folder => fs.copyFileSync(process.execPath, join(folder, 'alone/program')),
      [
        process.execPath,
        tool.postject,
        'alone/program',
        'NODE_SEA_BLOB',
        'a.blob',
        '--sentinel-fuse',
        'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2',
      ],
      ['./program', { in: 'alone' }],
    ],
  },
  'Rollup, external, ES module': {
    files: { 'a.mjs': RUNS },
    commands: [rolledUp('es', 'out.mjs'), [process.execPath, 'out.mjs']],
  },
  'Rollup, external, CommonJS': {
    files: { 'a.mjs': RUNS },
    commands: [rolledUp('cjs', 'out.cjs'), [process.execPath, 'out.cjs']],
  },
  'Vite, build --ssr': {
    files: { 'a.mjs': RUNS },
    commands: [
      [process.execPath, tool.vite, 'build', '--ssr', 'a.mjs', '--outDir', 'out', '--logLevel', 'error'],
      [process.execPath, 'out/a.mjs'],
    ],
  },
  'webpack, external': {
    files: {
      'a.mjs': RUNS,
      'build.mjs': `
        import webpack from ${JSON.stringify(join(modules, 'webpack/lib/index.js'))}
        webpack({
          mode: 'production', target: 'node20', entry: './a.mjs', experiments: { outputModule: true },
          externals: [/^${NAME}(\\/.*)?$/], externalsType: 'module',
          output: { path: process.cwd() + '/out', filename: 'a.mjs', module: true },
        }, (error, stats) => { if (error || stats.hasErrors()) throw error ?? new Error(stats.toString()) })`,
    },
    commands: [
      [process.execPath, 'build.mjs'],
      [process.execPath, 'out/a.mjs'],
    ],
  },
  'Jest, ES modules': {
    files: { 'a.test.mjs': tested("import { reads } from './program.mjs'") },
    commands: [jest('a.test.mjs', { NODE_OPTIONS: '--experimental-vm-modules' })],
    expected: /1 passed/,
  },
  'Jest, require': {
    reason:
      node > 24 || (node === 24 && minor >= 9)
        ? undefined
        : `Jest requires ES modules on Node 24.9 and newer, and this is ${process.version}`,
    files: { 'a.test.cjs': tested("const { reads } = require('./program.mjs')") },
    commands: [jest('a.test.cjs', { NODE_OPTIONS: '--experimental-vm-modules' })],
    expected: /1 passed/,
  },
  'Jest, require, transformed by esbuild': {
    files: {
      'a.test.cjs': tested("const { reads } = require('./program.mjs')"),
      // As docs/runtimes.md says it.
      'jest.config.cjs': `module.exports = {
        transform: { '\\\\.[cm]?js$': './esbuild-transform.cjs' },
        transformIgnorePatterns: ['node_modules/(?!faultless/)'],
        testMatch: ['**/*.test.*'], cacheDirectory: 'jest-cache' }`,
      'esbuild-transform.cjs': `
        const { transformSync } = require(${JSON.stringify(join(modules, 'esbuild'))})
        exports.process = source => ({ code: transformSync(source, { format: 'cjs', target: 'node20' }).code })`,
    },
    commands: [jest('a.test.cjs')],
    expected: /1 passed/,
  },
  Vitest: {
    files: {
      'a.test.mjs': `import { expect, test } from 'vitest'\n${tested("import { reads } from './program.mjs'")}`,
    },
    commands: [[process.execPath, tool.vitest, 'run', '--root', '.', 'a.test.mjs', { env: { NO_COLOR: '1' } }]],
    expected: /1 passed/,
  },
  Electron: {
    reason:
      'its package downloads a program from elsewhere than the registry; __test__/electron.test.mjs has its rules',
  },
  pkg: { reason: 'it downloads a Node of its own from elsewhere than the registry' },
}

function required() {
  return "const { reads } = require('./program.mjs')\nreads().then(console.log)\n"
}

function tested(first) {
  return `${first}\ntest('reads', async () => expect(await reads()).toBe(${JSON.stringify(EXPECTED)}))\n`
}

function bundled(format, out, ...more) {
  return [
    tool.esbuild,
    'a.mjs',
    '--bundle',
    '--platform=node',
    `--format=${format}`,
    `--outfile=${out}`,
    '--log-level=error',
    ...more,
  ]
}

/** Nothing but the bundle and the addon: no node_modules. */
function copied(into) {
  return folder => {
    const alone = join(folder, into)
    const platform = fs.readdirSync(join(folder, 'node_modules')).find(name => name.startsWith(`${NAME}-`))
    const from = join(folder, 'node_modules', platform)
    for (const name of fs.readdirSync(from).filter(name => name.endsWith('.node')))
      fs.copyFileSync(join(from, name), join(alone, name))
    fs.copyFileSync(join(folder, 'data.bin'), join(alone, 'data.bin'))
  }
}

function jest(name, env = {}) {
  return [
    process.execPath,
    tool.jest,
    '--rootDir',
    '.',
    '--watchman=false',
    '--testMatch',
    '**/*.test.*',
    name,
    { env },
  ]
}

const run = promisify(execFile)

async function finished(folder, [program, ...words]) {
  const last = words.at(-1)
  const { in: inner = '.', env = {} } = typeof last === 'object' ? words.pop() : {}
  const options = { cwd: join(folder, inner), env: { ...process.env, ...env }, timeout: 120_000 }
  const { stdout, stderr } = await run(program, words, options)
  return stdout + stderr
}

/** Installs the package as users do, once. */
function install(into) {
  const packed = execFileSync(process.execPath, [join(root, 'scripts/pack.mjs'), '--out', join(into, 'packed')], {
    encoding: 'utf8',
  })
  const project = join(into, 'project')
  fs.mkdirSync(project)
  const options = ['install', '--silent', '--no-audit', '--no-fund', '--offline', '--cache', join(into, 'cache')]
  execFileSync('npm', [...options, ...packed.trim().split('\n')], { cwd: project, stdio: 'inherit' })
  return join(project, 'node_modules')
}

if (!fs.existsSync(modules))
  execFileSync('npm', ['ci', '--silent', '--ignore-scripts', '--prefix', here], { stdio: 'inherit' })
// Not under a folder with node_modules, or a program that is to run alone would find them there.
const work = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'faultless-runtimes-')))
try {
  const installed = install(work)
  for (const [name, { reason, files, commands, expected = EXPECTED }] of Object.entries(cases)) {
    if (!name.includes(process.argv[2] ?? '')) continue
    if (reason) {
      console.log(`-  ${name}: not run here: ${reason}`)
      continue
    }
    const folder = join(work, basename(name).replace(/\W+/g, '-'))
    fs.cpSync(installed, join(folder, 'node_modules'), { recursive: true })
    fs.symlinkSync(join(modules, 'vitest'), join(folder, 'node_modules/vitest'))
    const all = {
      'package.json': '{}',
      'data.bin': Buffer.alloc(300_000, 'some bytes '),
      'program.mjs': fs.readFileSync(join(here, 'program.mjs')),
      ...files,
    }
    for (const [path, text] of Object.entries(all)) fs.writeFileSync(join(folder, path), text)
    try {
      let printed
      for (const command of commands)
        printed = typeof command === 'function' ? command(folder) : await finished(folder, command)
      if (!(typeof expected === 'string' ? printed.trim() === expected : expected.test(printed)))
        throw new Error(`it printed: ${printed}`)
      const version = versions[name.split(',')[0].toLowerCase()]
      console.log(`✔  ${name}${version ? ` (${version})` : ''}`)
    } catch (error) {
      console.log(`✘  ${name}\n${error.message}\n${error.stdout ?? ''}${error.stderr ?? ''}`)
      process.exitCode = 1
    }
    fs.rmSync(folder, { recursive: true, force: true })
  }
} finally {
  fs.rmSync(work, { recursive: true, force: true })
}
