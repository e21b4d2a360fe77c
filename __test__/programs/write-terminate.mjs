// Terminates workers that lock, write and flush, at random moments, and prints what is left of them.

import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { MappedFile } from 'faultless'
import { MiB, seededNumbers } from '../helpers/files.mjs'
import { untilLocked } from '../helpers/locked.mjs'
import { untilReleased } from '../helpers/process.mjs'

const [path, count] = [process.argv[2], Number(process.argv[3])]
const random = seededNumbers(4)
const entry = new URL('./write-worker.mjs', import.meta.url)
let terminated = 0

async function life() {
  const worker = new Worker(entry, { workerData: { path, start: 0, length: 2 * MiB } })
  await once(worker, 'message')
  await delay(random() * 40)
  await worker.terminate()
  terminated++
}

for (let index = 0; index < count; index += 4) await Promise.all([life(), life(), life(), life()])
await untilLocked(0)
await untilReleased(path)
const file = await MappedFile.open(path, { flags: 'r+' })
await file.write(Buffer.from('alive'), 0)
await file.flush()
const right = (await file.read(0, 5)).toString() === 'alive'
await file.close()
console.log(JSON.stringify({ terminated, right }))
