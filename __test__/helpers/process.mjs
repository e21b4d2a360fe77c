// The resources of the process of the test: mappings, descriptors, garbage; and waiting for their release.

import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import v8 from 'node:v8'
import vm from 'node:vm'

const linesOf = path =>
  fs
    .readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter(line => line.endsWith(` ${path}`))

/** The permissions of each mapping of the file in this process, worker threads included: `['r--s', 'rw-p']`. */
export const mappingsOf = path => linesOf(path).map(line => line.split(' ')[1])

/** The addresses of each, from and to. */
export const mappingPlaces = path => linesOf(path).map(line => line.split(' ')[0])

/** How many descriptors of this process lead to the file. */
export function descriptorsOf(path) {
  return fs.readdirSync('/proc/self/fd').filter(fd => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`) === path
    } catch {
      return false
    }
  }).length
}

let gc

// Once in each thread: Node prints a script of its own where a thread ends while it makes a context.
function exposeGc() {
  v8.setFlagsFromString('--expose-gc')
  return vm.runInNewContext('gc')
}

/** Collects garbage in this thread, finalizers included. */
export async function collectGarbage() {
  gc ??= exposeGc()
  gc()
  await delay(1)
}

/** Resolves once nothing of this process holds the file any more; rejects with what does after 10 seconds. */
export async function untilReleased(path) {
  const held = () => [...mappingsOf(path), ...Array(descriptorsOf(path)).fill('descriptor')]
  const deadline = Date.now() + 10_000
  // Unmapping happens on another thread, at some time after the last reference has gone.
  while (held().length > 0) {
    if (Date.now() > deadline) throw new Error(`after 10 s ${path} is still held by: ${held()}`)
    await collectGarbage()
    await delay(5)
  }
}

/** How many major faults the main thread of this process has had: how often it waited for a disk in a touch of memory. */
export function majorFaults() {
  const stat = fs.readFileSync(`/proc/self/task/${process.pid}/stat`, 'latin1')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[9])
}
