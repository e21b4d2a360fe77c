// The packages that are compared with: installed into bench/peers when a run needs them.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { command, withChildren } from './child.mjs'

const folder = fileURLToPath(new URL('../peers/', import.meta.url))
/** Building an addon takes its time, in milliseconds. */
const PATIENCE = 120_000

/** The versions that bench/peers asks for. */
export const peerVersions = () => manifest(folder).dependencies

/** Installs what is missing; resolves to the reason where that failed. @param {AbortSignal} signal */
export async function installPeers(signal) {
  if (Object.entries(peerVersions()).every(([name, version]) => isInstalled(name, version))) return undefined
  try {
    await withChildren(signal, () =>
      command('npm', ['ci', '--no-audit', '--no-fund', '--fetch-retries=1', '--fetch-retry-mintimeout=1000'], {
        cwd: folder,
        patience: PATIENCE,
      }),
    )
  } catch (error) {
    signal.throwIfAborted()
    const [reason] = error.message.split('\n').filter(line => /npm err/i.test(line))
    return `npm ci in bench/peers failed: ${reason ?? error.message.split('\n')[0]}`
  }
}

function isInstalled(name, version) {
  try {
    return manifest(`${folder}node_modules/${name}/`).version === version
  } catch (error) {
    if (error.code === 'ENOENT') return false
    throw error
  }
}

const manifest = place => JSON.parse(readFileSync(`${place}package.json`, 'utf8'))
