// Publishes the tarballs of one version: the platforms first, so that whoever installs the package finds them.
//
//   node scripts/release/publish.mjs FOLDER [--tag v1.2.3] [--provenance]
//
// A version that the registry has already is left as it is, so a publication that failed halfway is completed by running it
// again. One platform that fails does not keep the other ones back, only the package itself. NPM_TOKEN authenticates where npm
// does not trust the workflow, as for the first version of a package.

import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { addonProblem, checks, packagesIn } from './packages.mjs'

const run = promisify(execFile)

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const options = { tag: { type: 'string' }, provenance: { type: 'boolean' } }
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const folder = fs.mkdtempSync(join(tmpdir(), 'faultless-publish-'))
  try {
    const packages = packagesIn(resolve(positionals[0] ?? 'artifacts/packed'), folder)
    const { version } = packages.at(-1).manifest
    if (values.tag !== undefined && values.tag !== `v${version}`)
      throw new Error(`the tag is ${values.tag}, and the packages have version ${version}`)
    const problems = [
      ...checks['every platform is packed, and an optional dependency of the same version'](packages),
      ...checks['npm accepts where the packages come from, which provenance compares'](packages),
      ...packages.filter(({ isMain }) => !isMain).flatMap(one => addonProblem(one) ?? []),
    ]
    if (problems.length > 0) throw new Error(`nothing was published:\n${problems.join('\n')}`)
    await publish(packages, { provenance: values.provenance })
  } catch (error) {
    console.error(`publish: ${error.message}`)
    process.exitCode = 1
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * Publishes packages in their order, and skips what is there already. Throws where not all of them are there at the end.
 * @param {ReturnType<typeof packagesIn>} packages the package itself as the last one
 * @param {{ provenance?: boolean, dryRun?: boolean, env?: NodeJS.ProcessEnv, log?: (line: string) => void }} options
 */
export async function publish(packages, { provenance, dryRun, env = process.env, log = console.log } = {}) {
  const registry = (await run('npm', ['config', 'get', 'registry'], { env })).stdout.trim()
  const token = env.NPM_TOKEN && { [`npm_config_${registry.replace(/^https?:/, '')}:_authToken`]: env.NPM_TOKEN }
  const authenticated = { ...env, ...token }
  const failed = []
  for (const { tarball, manifest, isMain } of packages) {
    const name = `${manifest.name}@${manifest.version}`
    if (isMain && failed.length > 0)
      throw new Error(`${name} is not published, because its platforms are not: run it again`)
    try {
      if (await isPublished(registry, manifest)) {
        log(`${name} is published already`)
        continue
      }
      const tag = manifest.version.includes('-') ? 'next' : 'latest'
      const more = [provenance && '--provenance', dryRun && '--dry-run'].filter(Boolean)
      const words = ['publish', tarball, '--access', 'public', '--tag', tag, '--loglevel', 'error', ...more]
      await run('npm', words, { env: authenticated })
      log(dryRun ? `${name} would be published` : `${name} is published`)
    } catch (error) {
      // The registry can serve a list of versions that is some minutes old.
      if (/cannot publish over/.test(error.stderr)) {
        log(`${name} is published already`)
        continue
      }
      log(`${name} is not published: ${error.stderr ?? error.message}`)
      failed.push(name)
    }
  }
  if (failed.length > 0) throw new Error(`not published: ${failed.join(', ')}`)
}

async function isPublished(registry, { name, version }) {
  const response = await fetch(`${registry}${name}`)
  if (response.status === 404) return false
  if (!response.ok) throw new Error(`the registry answers ${response.status} when it is asked for ${name}`)
  return Object.hasOwn((await response.json()).versions, version)
}
