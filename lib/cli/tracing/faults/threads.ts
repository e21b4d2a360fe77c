// The role of a thread, by its name and the stacks of its page faults.

import type { Frame } from '../frames.js'

/**
 * `main` and `worker` run JavaScript, so their waits block an event loop. `pool`: threads of libuv, which may wait.
 * `engine`: threads of V8 for garbage collection and compilation. `other`: all others, such as threads of addons and
 * programs other than Node.
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
