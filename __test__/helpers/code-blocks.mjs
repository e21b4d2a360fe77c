// The fenced code blocks of the documentation, and how each is checked.

import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parse } from 'shell-quote'
import { anchorsOf, linksOf, nodesOf, targetOf } from '../../scripts/links.mjs'
import { fixtures } from './fixtures.mjs'
import { peerFolder, peerNames, withoutPeers } from './peers.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const run = promisify(execFile)
const scripts = JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8')).scripts

/** The documents whose blocks are run. */
export const documents = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'bench/README.md',
  ...fs.readdirSync(join(root, 'docs'), { recursive: true }).map(name => `docs/${name}`),
]
  .filter(name => name.endsWith('.md'))
  .sort()

/** A block's language, text, place, and the reason why it is not run, if it is marked so: ```js not-run="needs a disk that fails" */
export function codeBlocks(document) {
  return nodesOf(read(document), ['code']).map(node => ({
    language: node.lang ?? 'text',
    text: node.value,
    notRun: /^not-run="(.+)"$/.exec(node.meta ?? '')?.[1],
    place: `${document}:${node.position.start.line}`,
  }))
}

/** What a document links to within this repository: a file, and the heading in it, if one is named. */
export const links = document =>
  linksOf(read(document)).flatMap(({ url }) => {
    const target = targetOf(url, document)
    return target ? [{ url, ...target }] : []
  })

/** Where links into a document can lead to. */
export const anchors = document => anchorsOf(read(document))

const read = document => fs.readFileSync(join(root, document), 'utf8')

/** By language: what is done in `folder`, which has the files that the block names, and the packages of this repository. */
export const checks = {
  js: runs,
  mjs: runs,
  async ts({ text }, folder) {
    fs.writeFileSync(join(folder, 'block.mts'), text)
    const options = '--strict --module nodenext --target es2022 --lib es2023,esnext.disposable --types node'.split(' ')
    await finished('node', [join(root, 'node_modules/typescript/bin/tsc'), ...options, 'block.mts'], folder)
    await finished('node', ['block.mjs'], folder)
  },
  sh: ({ text }, folder) => commands(text.split('\n'), folder),
  console: ({ text }, folder) => commands(promptedLines(text), folder),
  json: async ({ text }) => JSON.parse(text),
  // As an expression of JavaScript, which allows comments.
  jsonc: async ({ text }) => new Function(`return (${text})`)(),
  /** No code: what a program prints. */
  text: async () => {},
}

async function runs({ text }, folder) {
  fs.writeFileSync(join(folder, 'block.mjs'), text)
  return finished('node', ['block.mjs'], folder)
}

const promptedLines = text => text.split('\n').flatMap(line => (line.startsWith('$ ') ? [line.slice(2)] : []))

async function commands(lines, folder) {
  for (const line of lines) {
    let words = []
    let variables = {}
    for (const word of [...parse(line, name => `$${name}`), { op: ';' }]) {
      if (typeof word === 'string') {
        const [, name, value] = (words.length === 0 && /^([A-Z_\d]+)=(.*)$/.exec(word)) || []
        if (name) variables[name] = value
        else words.push(word)
      } else if (word.op === 'glob') words.push(word.pattern)
      else if (word.op) {
        if (words.length > 0) await command(words, folder, variables, line)
        words = []
        variables = {}
      }
    }
  }
}

/** Runs a command where that is cheap; else makes sure that what it names is there, and its options are understood. */
async function command([name, ...args], folder, variables, line) {
  if (name === 'npx') return command(args, folder, variables, line)
  if (name === 'npm') return script(args, line)
  if (name === 'zx' || name === 'node') {
    const program = args.find(arg => /\.m?js$/.test(arg))
    if (program === 'bench/matrix.mjs') {
      const options = args.slice(args.indexOf(program) + 1)
      // quoted-results.test.mjs runs these, and compares what they print.
      if (['compare', 'power'].includes(options[0])) return
      return finished('node', [program, ...options, '--list'], root)
    }
    if (program && Object.hasOwn(fixtures, program)) return finished('node', args, folder, variables)
    if (program && fs.existsSync(join(root, program))) return
    throw new Error(`${line}: there is no ${program ?? 'program'} here, and none in __test__/helpers/fixtures.mjs`)
  }
  if (name === 'faultless') return faultless(args, folder, variables, line)
  throw new Error(`${line}: nothing here knows how to make sure of '${name}'; teach __test__/helpers/code-blocks.mjs`)
}

async function script([verb, name], line) {
  if (['ci', 'i', 'install'].includes(verb)) return
  const wanted = verb === 'run' ? name : verb
  if (!Object.hasOwn(scripts, wanted)) throw new Error(`${line}: package.json has no script '${wanted}'`)
}

/** Commands of ours that are over at once; of the others the options are looked up in their help. */
const CHEAP = ['residency', 'warm', 'doctor']

async function faultless([name, ...args], folder, variables, line) {
  const program = join(root, 'dist/lib/cli/main.js')
  const { stdout: help } = await finished('node', [program, name, '--help'], folder)
  for (const option of args.filter(arg => /^--\w/.test(arg))) {
    if (!help.includes(option)) throw new Error(`${line}: 'faultless ${name} --help' does not know ${option}`)
  }
  if (!CHEAP.includes(name)) return
  // Words in capitals stand for a file, brackets for what may be left out.
  const files = args.map(arg => (/^\[?[A-Z]+…?\]?$/.test(arg) ? 'tiles.pmtiles' : arg))
  await makeFixtures('tiles.pmtiles', folder)
  const exit = await finished('node', [program, name, ...files], folder, variables).catch(error => error)
  // 1 says that something is wrong with the machine or the file; 2, that the line was not understood.
  if (exit.code !== undefined && exit.code !== 1) throw exit
}

/** Runs a program to its end; throws what it said where it failed, or took a minute. */
async function finished(program, args, cwd, variables = {}) {
  const env = { ...process.env, ...variables, NO_COLOR: '1' }
  return run(program === 'node' ? process.execPath : program, args, { cwd, env, timeout: 60_000 })
}

/** The names of the files that the text names, of those in the table. */
export const namedFixtures = text =>
  Object.keys(fixtures).filter(name => new RegExp(`(?<![\\w/.-])${name.replaceAll('.', '\\.')}(?!\\w)`).test(text))

export const makeFixtures = (text, folder) =>
  Promise.all(namedFixtures(text).map(name => fixtures[name](join(folder, name))))

/** Why the packages that the text imports are not all here, or undefined. */
export const missingPackages = text => withoutPeers(...peerNames.filter(name => text.includes(`from '${name}`)))

/** A folder under which packages are found as they are under the repository, and this package by its name. */
export function linkPackages(folder) {
  const modules = join(folder, 'node_modules')
  fs.mkdirSync(modules)
  for (const name of fs.readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.')) fs.symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  for (const name of peerNames.filter(name => !fs.existsSync(join(modules, name)))) {
    fs.mkdirSync(dirname(join(modules, name)), { recursive: true })
    fs.symlinkSync(peerFolder(name), join(modules, name))
  }
  fs.symlinkSync(root, join(modules, 'faultless'))
}
