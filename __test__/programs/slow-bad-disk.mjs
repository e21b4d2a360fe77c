// Asks for pages that a slow disk fails to deliver, one by each way, and prints how each ended and the longest that this thread,
// which maps and touches fresh memory all the time, stood still meanwhile.

import { setImmediate as turn } from 'node:timers/promises'
import { MappedFile } from 'faultless'
import { unpopulatedWindow } from '#binding'
import { KiB, MiB } from '../helpers/files.mjs'

const [path, from, ...names] = process.argv.slice(2)
const file = await MappedFile.open(path)
const codeOf = promise =>
  promise.then(
    () => 'resolved',
    ({ code }) => code,
  )
const ways = {
  view: at => codeOf(file.view(at, 4 * KiB)),
  prefault: at => codeOf(file.prefault(at, 4 * KiB)),
  lock: at => codeOf(file.lock(at, 4 * KiB)),
  read: at => codeOf(file.read(at, 4 * KiB)),
  touch: async at => new Uint8Array(unpopulatedWindow(Buffer.from(path)))[at],
}

async function stalled(work) {
  let [going, longest, last] = [true, 0, performance.now()]
  const busy = (async () => {
    while (going) {
      Buffer.allocUnsafeSlow(MiB).fill(1, 0, 64 * KiB)
      await turn()
      const now = performance.now()
      longest = Math.max(longest, now - last)
      last = now
    }
  })()
  await turn()
  longest = 0
  const began = performance.now()
  const ended = await work()
  const took = performance.now() - began
  await turn()
  going = false
  await busy
  return { ended, took, longest }
}

// Once on good pages, for code that is met for the first time.
for (const name of names) await ways[name](0)
const report = {}
for (const [index, name] of names.entries()) {
  report[name] = await stalled(() => ways[name](Number(from) + index * 256 * KiB))
}
console.log(JSON.stringify(report))
process.exit(0)
