// What kind of thread it is that a page fault stopped, by its stack and its name.

import type { Frame } from '../frames.js'

/**
 * `main` and `worker` run JavaScript: an event loop stands still with them. Threads of libuv's `pool` are there to wait. `engine`: V8's
 * own, for garbage and compilation. All else is `other`: threads of addons, programs that are not Node.
 */
export type Role = 'main' | 'worker' | 'pool' | 'engine' | 'other'

/** @param isMain whether it is the first thread of a process that runs JavaScript */
export function roleOf(isMain: boolean, name: string, stacks: readonly Frame[][]): Role {
  if (isMain) return 'main'
  for (const frames of stacks) {
    if (frames.some(({ script, name }) => script !== undefined || /^node::worker::Worker::/.test(name))) return 'worker'
    if (frames.some(({ name }) => /PlatformWorkerThread|WorkerThreadsTaskRunner/.test(name))) return 'engine'
    // The function that each thread of the pool runs is called `worker`.
    if (frames.some(({ name, object }) => object !== undefined && /^(worker|uv__\w+_work)$/.test(name))) return 'pool'
  }
  // Newer versions of Node name their threads.
  if (/^libuv-worker/.test(name)) return 'pool'
  if (/^V8Worker|^DelayedTask/.test(name)) return 'engine'
  return 'other'
}
