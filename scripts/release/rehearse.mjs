// `npm run release:rehearse`: all of a release but the registry. What was built on other platforms is a stand-in.
//
//   node scripts/release/rehearse.mjs [--packed FOLDER]
//
// Packs every package, or takes those of a folder, which must hold no stand-ins; checks them; and publishes them to a registry on
// the loopback interface, which refuses one of them at first, as a partial publication. Then it installs the package from there.

import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { addonProblem, checks, packagesIn } from './packages.mjs'
import { publish } from './publish.mjs'
import { startRegistry } from './registry.mjs'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const { packed } = parseArgs({ options: { packed: { type: 'string' } } }).values
const folder = fs.mkdtempSync(join(tmpdir(), 'faultless-rehearsal-'))
let failures = 0

try {
  const tarballs = packed ? resolve(packed) : join(folder, 'packed')
  if (!packed) await run(process.execPath, [join(root, 'scripts/pack.mjs'), '--out', tarballs, '--stand-ins'])
  const packages = packagesIn(tarballs, folder)
  const platforms = packages.filter(({ isMain }) => !isMain)
  for (const [name, check] of Object.entries(checks)) await step(name, () => check(packages))
  await step('the addons are those of their platforms', () => {
    const problems = platforms.flatMap(one => addonProblem(one) ?? [])
    if (packed) return problems
    for (const problem of problems) console.log(`    a stand-in: ${problem}`)
    return problems.length === platforms.length ? ['none of the addons is built: npm run build:addon'] : []
  })
  await rehearsePublication(packages)
} catch (error) {
  console.error(`release:rehearse: ${error.stdout || error.stderr || error.message}`)
  failures++
} finally {
  fs.rmSync(folder, { recursive: true, force: true })
}
console.log(failures === 0 ? 'The release can be made.' : `The release cannot be made: ${failures} steps failed.`)
if (failures > 0) process.exitCode = 1

async function step(name, problems) {
  const start = performance.now()
  const found = await Promise.resolve()
    .then(problems)
    .catch(error => [error.stderr || error.message])
  console.log(`${found.length === 0 ? 'ok' : 'FAILED'}: ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`)
  for (const problem of found) console.log(`    ${problem}`)
  if (found.length > 0) failures++
}

async function rehearsePublication(packages) {
  const registry = await startRegistry('rehearsal')
  const env = {
    ...process.env,
    NPM_TOKEN: 'rehearsal',
    npm_config_registry: registry.url,
    npm_config_cache: join(folder, 'cache'),
    npm_config_userconfig: join(folder, 'npmrc'),
    npm_config_update_notifier: 'false',
  }
  const names = packages.map(({ manifest }) => `${manifest.name}@${manifest.version}`)
  const published = async options => {
    const lines = []
    const log = line => lines.push(line)
    const error = await publish(packages, { env, log, ...options }).catch(error => error)
    return { lines, error }
  }
  const differences = wanted =>
    JSON.stringify(registry.published) === JSON.stringify(wanted)
      ? []
      : [`the registry has ${registry.published.join(', ') || 'nothing'} instead of ${wanted.join(', ')}`]
  try {
    await step('npm publish --dry-run accepts each, and sends nothing', async () => {
      const { lines, error } = await published({ dryRun: true })
      return error ? lines : differences([])
    })
    const [one, ...others] = names
    await step('where the registry refuses a platform, the others are published, and the package is not', async () => {
      registry.refused.add(packages[0].manifest.name)
      const { error } = await published({})
      return error ? differences(others.slice(0, -1)) : ['publishing did not fail']
    })
    await step('run again, it publishes what is missing', async () => {
      registry.refused.clear()
      const { lines, error } = await published({})
      return error ? lines : differences([...others.slice(0, -1), one, others.at(-1)])
    })
    await step('run once more, it publishes nothing', async () => {
      const { lines, error } = await published({})
      return error || lines.some(line => !line.endsWith('is published already')) ? lines : []
    })
    await step('what npm installs from there reads a file', async () => {
      const project = join(folder, 'project')
      fs.mkdirSync(project)
      const { manifest } = packages.at(-1)
      await run('npm', ['install', '--no-audit', '--no-fund', '--prefix', project, names.at(-1)], { env })
      const installed = fs.readdirSync(join(project, 'node_modules')).filter(name => !name.startsWith('.'))
      const program = `const { mmapRead } = await import('${manifest.name}')
        console.log((await mmapRead('package.json', 0, 1)).toString())`
      const words = ['--input-type=module', '--eval', program]
      const { stdout } = await run(process.execPath, words, { cwd: project, env })
      return installed.length === 2 && stdout === '{\n'
        ? []
        : [`${installed.join(', ')} are installed; it read ${stdout}`]
    })
  } finally {
    await registry.close()
  }
}
