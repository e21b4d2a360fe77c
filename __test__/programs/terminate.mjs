// Terminates workers that are busy reading, one after the other, and prints whether the process still reads right.

import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { MappedFile, mmapRead } from 'faultless'
import { seededBytes, seededNumbers } from '../helpers/files.mjs'
import { untilReleased } from '../helpers/process.mjs'

const [path, count] = [process.argv[2], Number(process.argv[3])]
const random = seededNumbers(9)
const entry = new URL('./busy-worker.mjs', import.meta.url)
const file = await MappedFile.open(path)
let terminated = 0
let right = true

async function workerLife() {
  const worker = new Worker(entry, { workerData: { path } })
  await once(worker, 'message')
  await delay(random() * 30)
  await worker.terminate()
  terminated++
  const bytes = await file.read()
  right &&= bytes.equals(seededBytes(bytes.length))
}

for (let index = 0; index < count; index += 2) await Promise.all([workerLife(), workerLife()])
await file.close()
mmapRead.release()
await untilReleased(path)
console.log(JSON.stringify({ terminated, right, released: true }))
