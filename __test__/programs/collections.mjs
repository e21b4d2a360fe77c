// Counts the collections of the whole heap while a view of each of many files is taken, of the ordinary kind and of that which threads share.
//
// Arguments: the files, each of which is as long as a window.

import { constants, PerformanceObserver } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { MappedFile } from 'faultless'

async function collectionsOf(shared) {
  let count = 0
  const observer = new PerformanceObserver(list => {
    for (const { detail } of list.getEntries()) {
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) count += 1
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  for (const path of process.argv.slice(2)) {
    const file = await MappedFile.open(path, { shared })
    await file.view(0, 1)
    await file.close()
  }
  await delay(100)
  observer.disconnect()
  return count
}

const ordinary = await collectionsOf(false)
const sharedOnes = await collectionsOf(true)
console.log(JSON.stringify({ ordinary, sharedOnes }))
