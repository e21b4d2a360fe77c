// Counts the collections of the whole heap while each of many files is opened, used in one way, and closed.
//
// Arguments: the way, and the files.

import { constants, PerformanceObserver } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { MappedFile } from 'faultless'

const KiB = 1024
const MiB = 1024 * KiB
const ways = {
  shortView: file => file.view(3 * MiB + 7, 16 * KiB),
  shortChunk: file => file.chunks({ start: 3 * MiB + 7, end: 3 * MiB + 16 * KiB }).next(),
  async longChunks(file) {
    let sum = 0
    for await (const chunk of file.chunks()) for (let at = 0; at < chunk.length; at += 4096) sum += chunk[at]
    return sum
  },
  longView: file => file.view(0, 20 * MiB),
  sharedView: file => file.view(0, 20 * MiB),
}

const [way, ...paths] = process.argv.slice(2)
let count = 0
const observer = new PerformanceObserver(list => {
  for (const { detail } of list.getEntries()) {
    if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) count += 1
  }
})
observer.observe({ entryTypes: ['gc'] })
for (const path of paths) {
  const file = await MappedFile.open(path, { shared: way === 'sharedView' })
  await ways[way](file)
  await file.close()
}
await delay(100)
observer.disconnect()
console.log(JSON.stringify({ count }))
