// A FUSE server for tests, which is slow, hangs or fails on command, and logs the thread of each request.

import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { KiB, MiB } from './files.mjs'

/** Bytes of each of its files. */
export const SERVED_BYTES = MiB + 123

/** Bytes of a file of the server, as long as nobody has written to it. */
export function servedBytes(name, offset = 0, length = SERVED_BYTES - offset) {
  const words = new Uint32Array(Math.ceil(SERVED_BYTES / 4))
  let seed = 2166136261
  for (const letter of Buffer.from(name)) seed = Math.imul(seed ^ letter, 16777619)
  for (let word = 0; word < words.length; word++) words[word] = Math.imul(word + 1, 2654435761) ^ seed
  return Buffer.from(words.buffer, offset, Math.min(length, SERVED_BYTES - offset))
}

/** Compiles a program of `__test__/programs/`, once for each of its versions; the path of what came of it. */
export function compiled(name, packages = []) {
  const source = fileURLToPath(new URL(`../programs/${name}.c`, import.meta.url))
  const key = createHash('sha256').update(fs.readFileSync(source)).digest('hex').slice(0, 16)
  const folder = join(tmpdir(), `faultless-programs-${process.getuid()}`)
  fs.mkdirSync(folder, { recursive: true, mode: 0o755 })
  if (fs.statSync(folder).uid !== process.getuid()) throw new Error(`${folder} belongs to another user`)
  const path = join(folder, `${name}-${key}`)
  if (!fs.existsSync(path)) {
    const made = `${path}.${process.pid}`
    const needs = packages.flatMap(wanted => words(execFileSync('pkg-config', ['--cflags', '--libs', wanted])))
    execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', source, '-o', made, ...needs, '-pthread'])
    fs.renameSync(made, path)
  }
  return path
}

const words = output => output.toString().trim().split(/\s+/)

/**
 * A mounted server, until `stop()` or the end of this process. Any name in `mountPoint` is a file of its own; names that end in
 * `.direct`, `.twin` and `.fresh` have the ways that `file-server.c` tells.
 */
export async function fileServer() {
  const mountPoint = fs.mkdtempSync(join(tmpdir(), 'faultless-served-'))
  const child = spawn(compiled('file-server', ['fuse3']), [mountPoint], { stdio: ['pipe', 'pipe', 'inherit'] })
  const waiting = []
  createInterface(child.stdout).on('line', line => waiting.shift().resolve(JSON.parse(line)))
  const ended = once(child, 'exit')
  ended.then(([code]) => {
    for (const { reject } of waiting) reject(new Error(`the file server ended with ${code}`))
  })
  const answer = () => new Promise((resolve, reject) => waiting.push({ resolve, reject }))
  await answer()
  // A server that is left over by a test that died has nobody to hold it: it ends with its standard input.
  child.unref()
  for (const stream of child.stdio) stream?.unref?.()

  const ask = async command => {
    const answered = answer()
    child.stdin.write(`${command}\n`)
    child.stdout.ref()
    const result = await answered
    if (waiting.length === 0) child.stdout.unref()
    if (result === false) throw new Error(`not understood by the file server: ${command}`)
    return result
  }

  return {
    mountPoint,
    path: name => join(mountPoint, name),

    /** For how many milliseconds the kernel may keep names and attributes. */
    timeouts: ({ entries = 60_000, attributes = 60_000 } = {}) => ask(`timeouts ${entries} ${attributes}`),

    /** What becomes of requests of an operation from now on; nothing special without options. What is held goes on at once. */
    rule(operation, options = {}) {
      const { file = '*', delay = 0, hold = false, error, rate = 1, seed = 1 } = options
      const { from = 0, to = Number.MAX_SAFE_INTEGER } = options
      const code = error ? constants.errno[error] : 0
      const chance = error ? Math.round(rate * 1e6) : 0
      return ask(`rule ${operation} ${file} ${delay} ${Number(hold)} ${code} ${chance} ${seed} ${from} ${to}`)
    },

    /** Requests since `clear()`, in the order in which they came: operation, file, and the thread that waits for the answer. */
    requests: async () => (await ask('log')).map(([operation, file, thread]) => ({ operation, file, thread })),
    clear: () => ask('clear'),

    /** Requests of each operation that are held back now, and how many were until the server lost its patience. */
    state: () => ask('state'),

    /** Resolves once a request of an operation is held: to false if this promise has settled instead. */
    async untilHeld(operation, living) {
      let over = false
      living
        ?.catch(() => {})
        .then(() => {
          over = true
        })
      for (const end = Date.now() + 10_000; !over; await delay(2)) {
        const { held, expired } = await ask('state')
        if (held[operation] > 0) return true
        if (expired > 0) throw new Error(`${operation} was held until the server lost its patience`)
        if (Date.now() > end) throw new Error(`for 10 s nobody has asked the file server for ${operation}`)
      }
      return false
    },

    async stop() {
      child.ref()
      child.stdin.end()
      await ended
      fs.rmdirSync(mountPoint)
    },
  }
}

/** Two ranges of a served file, of a page and of many, neither at the start. */
export const RANGES = [
  { offset: 20 * KiB, length: 4 * KiB },
  { offset: 300 * KiB + 7, length: 200 * KiB },
]

/** The requests of threads that run JavaScript, by the mark that came before; what `marked()` has set says which those are. */
export function requestsOfMarks(requests) {
  const isMark = ({ file }) => file.startsWith('=')
  const threads = new Set(requests.filter(isMark).map(({ thread }) => thread))
  const groups = {}
  let group
  for (const request of requests) {
    if (isMark(request)) {
      group = { here: [], elsewhere: [] }
      groups[request.file.slice(1)] = group
    } else group?.[threads.has(request.thread) ? 'here' : 'elsewhere'].push(`${request.operation} ${request.file}`)
  }
  return groups
}

/** Leaves a mark in the log, which tells the thread as well. @param {string} mountPoint */
export const mark = (mountPoint, name) => fs.existsSync(join(mountPoint, `=${name}`))
