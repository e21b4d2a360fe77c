// Watches a thread: how long its timers waited, and whether it was blocked.

import { once } from 'node:events'
import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

/** Milliseconds that this thread had a CPU, and that it was ready to run and had none. */
const scheduled = () => {
  const [running, ready] = fs.readFileSync('/proc/self/schedstat', 'latin1').split(' ')
  return { running: running / 1e6, ready: ready / 1e6 }
}

// A thread that looks every 2 ms where this one waits: how often it looked, how often it saw a wait in the kernel for anything
// but events (a disk, a lock); and both again, since the last tick.
const looks = new Int32Array(new SharedArrayBuffer(16))
const observer = new Worker(
  `const { readFileSync } = require('node:fs')
  const { workerData } = require('node:worker_threads')
  setInterval(() => {
    const place = readFileSync('/proc/self/task/' + process.pid + '/wchan', 'latin1')
    for (const index of [0, 2]) Atomics.add(workerData, index, 1)
    if (place === '0' || /poll/.test(place)) return
    for (const index of [1, 3]) Atomics.add(workerData, index, 1)
  }, 2)`,
  { eval: true, workerData: looks },
)
await once(observer, 'online')
observer.unref()

/**
 * What came of the work, how long it took, how often a timer fired meanwhile, the longest that timers had to wait for this
 * thread, the share of the time in which it was blocked, and the longest that fs.stat of a file elsewhere waited for its
 * answer. A timer that is late while the thread neither runs nor is blocked is late because the machine is.
 */
export async function watched(work) {
  let [last, largest, ticks, stat, going] = [performance.now(), 0, 0, 0, true]
  let before = scheduled()
  const tick = () => {
    const [now, after] = [performance.now(), scheduled()]
    const [seen, blocked] = [2, 3].map(index => Atomics.exchange(looks, index, 0))
    const ran = after.running - before.running
    const slept = now - last - ran - (after.ready - before.ready)
    largest = Math.max(largest, ran + (slept * blocked) / Math.max(1, seen))
    last = now
    before = after
    ticks++
  }
  const ask = async () => {
    while (going) {
      const asked = performance.now()
      await fs.promises.stat(process.execPath)
      stat = Math.max(stat, performance.now() - asked)
      await delay(5)
    }
  }
  const timer = setInterval(tick, 1)
  const asking = ask()
  await delay(20)
  tick()
  ;[largest, ticks, stat] = [0, 0, 0]
  looks.fill(0)
  const began = performance.now()
  const result = await work()
  tick()
  const took = performance.now() - began
  going = false
  clearInterval(timer)
  await asking
  return { result, took, largest, ticks, blocked: looks[1] / looks[0], stat }
}
