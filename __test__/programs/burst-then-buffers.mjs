// A burst of 5,000 deflates, which takes more than a GiB for a moment, and then 20 buffers of 40 MiB that are kept: prints the
// MiB that are resident after each.
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { deflate } from 'node:zlib'
import { collectGarbage } from '../helpers/process.mjs'

const MiB = 1 << 20
const resident = () => Math.round(process.memoryUsage.rss() / MiB)

const packed = promisify(deflate)
const text = Buffer.alloc(600, 'x')
await Promise.all(Array.from({ length: 5000 }, () => packed(text)))
for (let time = 0; time < 2; time += 1) {
  await collectGarbage()
  await sleep(300)
}
const burst = resident()
const kept = Array.from({ length: 20 }, () => Buffer.alloc(40 * MiB, 1))
console.log(JSON.stringify({ burst, all: resident(), kept: kept.length }))
