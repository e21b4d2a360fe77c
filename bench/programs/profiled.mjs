// One way to read at one work, for perf to look at while the time runs: what the harness does with a trial, without the harness.
import { appendFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { cool } from '../harness/caches.mjs'
import { works } from './works.mjs'

/** By when perf has taken up what it was told, in milliseconds. */
const HEARD = 100

const [task, milliseconds] = process.argv.slice(2, 4).map(text => JSON.parse(text))
const tell = async word => {
  appendFileSync(process.argv[4], `${word}\n`)
  await delay(HEARD)
}
const isCold = task.count !== undefined
const work = await works[isCold ? 'coldBatch' : 'ranges'](task)
if (isCold) await cool([task.path], task.count * task.length)
else await work.measure({ milliseconds: milliseconds / 3, warmup: 0 })
await tell('enable')
const { rate } = await work.measure({ milliseconds, warmup: 0 })
await tell('disable')
await work.close()
console.log(`${Math.round(rate)} reads/s`)
