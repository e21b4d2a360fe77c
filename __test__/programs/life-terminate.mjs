// Terminates workers at random moments of a busy life, and prints whether the process still reads right.

import { once } from 'node:events'
import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { MappedFile, mmapRead } from 'faultless'
import { seededBytes, seededNumbers } from '../helpers/files.mjs'
import { untilReleased } from '../helpers/process.mjs'

const [path, kind, count] = [process.argv[2], process.argv[3], Number(process.argv[4])]
const entry = new URL(`./${kind}.mjs`, import.meta.url)
const random = seededNumbers(21)
const original = seededBytes(fs.statSync(path).size)
let terminated = 0
let right = true

async function life(number) {
  const worker = new Worker(entry, { workerData: { path, out: `${path}-out-${number}` } })
  await once(worker, 'message')
  await delay(random() * 40)
  await worker.terminate()
  terminated++
}

const file = await MappedFile.open(path)
for (let index = 0; index < count; index += 4) {
  await Promise.all([0, 1, 2, 3].map(life))
  right &&= original.equals(await file.read())
}
await file.close()
mmapRead.release()
await untilReleased(path)
console.log(JSON.stringify({ terminated, right, released: true }))
