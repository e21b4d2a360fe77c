// Frees 300 MiB of buffers but for each eighth, so that what is free lies below the top of its arena, and trims or waits for what
// it is told.
//
// Argument, as JSON: `{ trim: true }` prints what allocator.trim() gave back; `{ memory }` tunes with that bound, says when it has
// freed, and stays.
import { allocator } from 'faultless'
import { collectGarbage } from '../helpers/process.mjs'

const { trim: trims = false, memory } = JSON.parse(process.argv[2])
if (memory !== undefined) allocator.tune({ memory })
const all = Array.from({ length: 3000 }, () => Buffer.allocUnsafeSlow(100_000).fill(1))
globalThis.kept = all.filter((_, index) => index % 8 === 0)
all.length = 0
await collectGarbage()
if (trims) await trim()
else {
  process.once('message', () => process.exit())
  process.send({ kind: 'freed' })
}

async function trim() {
  const before = process.memoryUsage.rss()
  let trimming = true
  const done = allocator.trim().finally(() => {
    trimming = false
  })
  let turns = 0
  while (trimming) {
    turns += 1
    await new Promise(setImmediate)
  }
  const bytes = await done
  const fell = before - process.memoryUsage.rss()
  const intact = globalThis.kept.every(buffer => buffer.every(byte => byte === 1))
  console.log(JSON.stringify({ bytes, fell, turns, intact, again: await allocator.trim() }))
}
