// The packages that are compared with: installed into bench/peers when a run needs them, and loaded from there.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command, withChildren } from './child.mjs'
import { notRunnable } from './requirements.mjs'

const folder = fileURLToPath(new URL('../peers/', import.meta.url))
/** Building an addon takes its time, in milliseconds. */
const PATIENCE = 120_000

/** The versions that bench/peers asks for. */
export const peerVersions = () => manifest(folder).dependencies

/**
 * Loads one of them, or one that is too large to be installed for everybody and that somebody has added. Throws ERR_NOT_RUNNABLE
 * where it is not there, or does not load.
 * @param {string} name
 */
export function loadPeer(name) {
  try {
    return createRequire(join(folder, 'package.json'))(name)
  } catch (error) {
    const listed = Object.hasOwn(peerVersions(), name)
    const cure = listed ? '' : `; npm install --no-save ${name} in bench/peers adds it`
    throw notRunnable(`${name} does not load: ${error.message.split('\n')[0]}${cure}`)
  }
}

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
