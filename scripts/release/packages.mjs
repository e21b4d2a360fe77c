// The packed packages of one version: their manifests and files, and the problems that would keep them from being published or used.

import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { anchorsOf, linksOf, pageOf, repositoryTarget, targetOf } from '../links.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = path => fs.readFileSync(join(root, path), 'utf8')
const source = JSON.parse(read('package.json'))

/**
 * The packages of a folder of tarballs, unpacked into another folder. The package itself comes last: whoever installs it finds the
 * others.
 * @param {string} tarballs @param {string} folder
 */
export function packagesIn(tarballs, folder) {
  const found = fs.readdirSync(tarballs).filter(name => name.endsWith('.tgz'))
  if (found.length === 0) throw new Error(`${tarballs} holds no tarball: npm run pack makes them`)
  const packages = found.sort().map(name => {
    const tarball = join(tarballs, name)
    const unpacked = join(folder, basename(name, '.tgz'))
    fs.mkdirSync(unpacked, { recursive: true })
    execFileSync('tar', ['-xzf', tarball, '-C', unpacked])
    return packageIn(join(unpacked, 'package'), tarball)
  })
  return [...packages.filter(({ isMain }) => !isMain), ...packages.filter(({ isMain }) => isMain)]
}

/** @param {string} folder of an unpacked package @param {string} [tarball] */
export function packageIn(folder, tarball) {
  const manifest = JSON.parse(fs.readFileSync(join(folder, 'package.json'), 'utf8'))
  return { folder, tarball, manifest, isMain: manifest.name === source.name }
}

/** Each check gets the packages, and answers with sentences: one for each problem. */
export const checks = {
  'every platform is packed, and an optional dependency of the same version': packages => {
    const main = packages.find(({ isMain }) => isMain)
    if (!main) return [`${source.name} is not among the packages`]
    const platforms = fs.readdirSync(join(root, 'npm')).map(name => JSON.parse(read(`npm/${name}/package.json`)).name)
    const packed = packages.filter(({ isMain }) => !isMain).map(({ manifest }) => manifest.name)
    const wanted = Object.fromEntries(platforms.map(name => [name, source.version]))
    const optional = main.manifest.optionalDependencies ?? {}
    const loader = fs.readFileSync(join(main.folder, 'binding.js'), 'utf8')
    return [
      ...platforms.filter(name => !packed.includes(name)).map(name => `${name} is not packed`),
      ...packed.filter(name => !platforms.includes(name)).map(name => `${name} is packed, and npm/ does not have it`),
      ...packages
        .filter(({ manifest }) => manifest.version !== source.version)
        .map(({ manifest: { name, version } }) => `${name} has version ${version}, package.json ${source.version}`),
      ...Object.keys({ ...wanted, ...optional })
        .filter(name => wanted[name] !== optional[name])
        .map(name => `optionalDependencies has ${name}@${optional[name]} instead of ${wanted[name]}`),
      ...platforms.filter(name => !loader.includes(`'${name}'`)).map(name => `binding.js never loads ${name}`),
    ]
  },

  'all versions of the sources are equal': () => {
    const crates = /\[workspace\.package\]\s+version = "(.+)"/.exec(read('Cargo.toml'))?.[1]
    const locked = JSON.parse(read('package-lock.json')).packages[''].version
    const versions = { 'Cargo.toml': crates, 'package-lock.json': locked }
    return Object.entries(versions)
      .filter(([, version]) => version !== source.version)
      .map(([file, version]) => `${file} has version ${version}, package.json ${source.version}`)
  },

  'npm accepts where the packages come from, which provenance compares': packages => [
    ...(/^git\+https:\/\/github\.com\/[\w-]+\/[\w.-]+\.git$/.test(source.repository?.url)
      ? []
      : [`repository.url of package.json is ${source.repository?.url}, not git+https://github.com/OWNER/NAME.git`]),
    ...packages.flatMap(({ folder, manifest }) => [
      ...['repository', 'bugs', 'homepage', 'license']
        .filter(field => JSON.stringify(manifest[field]) !== JSON.stringify(source[field]))
        .map(field => `${manifest.name} has another ${field} than package.json: ${JSON.stringify(manifest[field])}`),
      ...(manifest.private ? [`${manifest.name} is private`] : []),
      ...(fs.existsSync(join(folder, 'LICENSE')) ? [] : [`${manifest.name} has no LICENSE`]),
    ]),
  ],

  'the workflows build every platform, and publish with provenance': () =>
    workflowProblems(path => read(`.github/workflows/${path}`)),

  'the links and pictures of the documents lead to a file': packages => packages.flatMap(deadLinks),

  'publint finds nothing': async packages => {
    const found = packages.map(async ({ folder, manifest }) => {
      const { messages, pkg } = await publint({ pkgDir: folder, pack: false, strict: true })
      return messages.map(message => `${manifest.name}: ${formatMessage(message, pkg, { color: false })}`)
    })
    return (await Promise.all(found)).flat()
  },

  'the types are right however they are resolved': packages =>
    packages.filter(({ isMain }) => isMain).flatMap(({ tarball }) => typeProblems(tarball)),
}

/** @param {(name: string) => string} workflow the text of a workflow */
export function workflowProblems(workflow) {
  const targets = [...workflow('platforms.yml').matchAll(/\btarget: ([\w-]+)/g)].map(([, target]) => target)
  const release = workflow('release.yml')
  return [
    ...source.napi.targets
      .filter(target => !targets.includes(target))
      .map(target => `platforms.yml does not build ${target}`),
    ...targets
      .filter(target => !source.napi.targets.includes(target))
      .map(target => `package.json has no target ${target}`),
    ...[
      'id-token: write',
      '--provenance',
      'uses: ./.github/workflows/ci.yml',
      'uses: ./.github/workflows/platforms.yml',
    ]
      .filter(line => !release.includes(line))
      .map(line => `release.yml has no "${line}"`),
  ]
}

function deadLinks({ folder, manifest }) {
  const github = { page: pageOf(source), ref: `v${source.version}` }
  const anchors = new Map()
  const isThere = (base, { path, anchor }) => {
    const file = join(base, path)
    if (anchor === undefined || !fs.existsSync(file)) return fs.existsSync(file)
    if (!anchors.has(file)) anchors.set(file, anchorsOf(fs.readFileSync(file, 'utf8')))
    return anchors.get(file).includes(anchor)
  }
  const documents = fs.readdirSync(folder, { recursive: true }).filter(name => name.endsWith('.md'))
  return documents.flatMap(document => {
    const urls = linksOf(fs.readFileSync(join(folder, document), 'utf8')).map(({ url }) => url)
    const dead = url => {
      const within = targetOf(url, document)
      if (within) return !isThere(folder, within)
      const target = repositoryTarget(url, github)
      return target ? !isThere(root, target) : url.startsWith(`${github.page}/blob/`) || !url.startsWith('https://')
    }
    return urls.filter(dead).map(url => `${manifest.name}: ${document} links to ${url}, which is not there`)
  })
}

function typeProblems(tarball) {
  const cli = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js')
  const { stdout } = spawnSync(process.execPath, [cli, '--format', 'json', tarball], { encoding: 'utf8' })
  const { analysis } = JSON.parse(stdout)
  if (analysis.types?.kind !== 'included') return ['the package has no types']
  return (
    analysis.problems
      // CommonJS gets the ES module: every Node that `engines` admits can require() it.
      .filter(({ kind }) => kind !== 'CJSResolvesToESM')
      .map(problem => `are the types wrong? ${JSON.stringify(problem)}`)
  )
}

/** Why the addon of a platform package cannot be loaded on its platform. A stand-in of `pack.mjs` cannot be loaded on any. */
export function addonProblem({ folder, manifest }) {
  const path = join(folder, manifest.main)
  if (!fs.existsSync(path)) return `${manifest.name} has no ${manifest.main}`
  const wanted = [manifest.os, manifest.cpu, manifest.libc ?? []].flat().join(' ')
  const found = platformOf(fs.readFileSync(path))
  return found === wanted
    ? undefined
    : `${manifest.main} is ${found ?? 'not an addon'}, and its package is for ${wanted}`
}

/** What a shared library was compiled for, in npm's words: 'linux x64 glibc', 'darwin arm64'. */
function platformOf(library) {
  if (library.toString('latin1', 0, 4) === '\x7fELF') {
    const cpu = { 62: 'x64', 183: 'arm64' }[library.readUInt16LE(18)]
    return `linux ${cpu} ${library.includes('GLIBC_2.') ? 'glibc' : 'musl'}`
  }
  if (library.toString('latin1', 0, 2) === 'MZ') {
    const cpu = { 34404: 'x64', 43620: 'arm64' }[library.readUInt16LE(library.readUInt32LE(0x3c) + 4)]
    return `win32 ${cpu}`
  }
  if (library.readUInt32LE(0) === 0xfeedfacf)
    return `darwin ${{ 16777223: 'x64', 16777228: 'arm64' }[library.readUInt32LE(4)]}`
  return undefined
}
