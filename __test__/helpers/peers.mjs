// The packages of `__test__/peers`, which are too large to be dependencies of the repository itself.

import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { required } from './rig.mjs'

const folder = fileURLToPath(new URL('../peers/', import.meta.url))
const { dependencies } = JSON.parse(fs.readFileSync(`${folder}package.json`, 'utf8'))

/** Their names. */
export const peerNames = Object.keys(dependencies)

/** Where one of them lies once it is installed. */
export const peerFolder = name => `${folder}node_modules/${name}`

/** Why a test of these packages cannot run here, or undefined. */
export const withoutPeers = (...names) =>
  names.every(name => fs.existsSync(peerFolder(name))) ? undefined : 'npm ci --prefix __test__/peers was not run'

/** ava's `test`, where the packages are installed. */
export const withPeers = (...names) => required(withoutPeers(...names))

/** Imports a module of one of them. */
export const peer = async name => (await import('../peers/load.mjs')).load(name)
