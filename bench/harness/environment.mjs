// What the machine was when a run began: without it no number can be compared with another.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import os from 'node:os'
import { fileURLToPath } from 'node:url'
import { describeDisk } from '../../dist/lib/cli/disk.js'
import { peerVersions } from './peers.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** Variables that change what is measured. */
const VARIABLES = /^(MALLOC_|GLIBC_TUNABLES$|LD_PRELOAD$|NODE_OPTIONS$|UV_|FAULTLESS_)/

/**
 * @param {{ command: string, folder: string }} run the command line, and the folder that holds the files
 */
export function describeEnvironment({ command, folder }) {
  const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  const { header } = process.report.getReport()
  const changes = git('status', '--porcelain')
  const { fileSystem, readAheadKiB } = describeDisk(folder)
  return {
    date: new Date().toISOString(),
    command,
    commit: git('rev-parse', 'HEAD') ?? null,
    dirty: changes === undefined ? null : changes !== '',
    host: os.hostname(),
    platform: `${os.platform()} ${os.arch()}`,
    kernel: os.release(),
    cpu: { model: os.cpus()[0]?.model.trim(), cores: os.availableParallelism() },
    memory: os.totalmem(),
    load: os.loadavg(),
    node: process.version,
    v8: process.versions.v8,
    libuv: process.versions.uv,
    glibc: header.glibcVersionRuntime ?? null,
    bufferPoolSize: Buffer.poolSize,
    execArgv: process.execArgv,
    variables: Object.fromEntries(Object.entries(process.env).filter(([name]) => VARIABLES.test(name))),
    transparentHugePages: readText('/sys/kernel/mm/transparent_hugepage/enabled'),
    freePageReporting: freePageReporting(),
    governor: readText('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'),
    fileSystem,
    readAheadKiB,
    packages: {
      [manifest.name]: manifest.version,
      ...Object.fromEntries(Object.keys(manifest.devDependencies).map(name => [name, installedVersion(name)])),
      ...peerVersions(),
    },
  }
}

/**
 * How a virtual machine tells its host which memory is free: blocks of 2^order pages, that have been free for so long where its
 * kernel waits. What was told is faulted in anew by the host when it is touched next.
 */
function freePageReporting() {
  const parameter = name => readText(`/sys/module/page_reporting/parameters/${name}`)
  const order = parameter('page_reporting_order')
  return order === null ? null : { order: Number(order), minFreeMs: Number(parameter('min_free_ms')) }
}

/** @param {string} path */
function readText(path) {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'EACCES') return null
    throw error
  }
}

/** @param {string} name */
function installedVersion(name) {
  const manifest = readText(`${root}node_modules/${name}/package.json`)
  return manifest === null ? null : JSON.parse(manifest).version
}

/** What git says of this checkout, or undefined where there is none. @param {string[]} words */
function git(...words) {
  try {
    return execFileSync('git', words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}
