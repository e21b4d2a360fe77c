// Switches allocators while results of both live, in worker threads and here, some of them cut short by an end; prints how
// many had other bytes than the file, and what jemalloc held before, during and after.
//
// Argument: a file of 16 MiB.

import fs from 'node:fs'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { allocator, MappedFile, mmapRead } from 'faultless'
import { MiB } from '../helpers/files.mjs'
import { collectGarbage } from '../helpers/process.mjs'

const NAMES = ['glibc', 'jemalloc']
const LENGTHS = [300_000, MiB, 3 * MiB + 1]
const ROUNDS = 4
const WORKERS = 4

if (isMainThread) await main(process.argv[2])
else await work(workerData)

async function main(path) {
  const held = () => allocator.stats('jemalloc').allocated
  const before = held()
  let during = before
  const workers = Array.from({ length: WORKERS }, (_, seed) =>
    run({ path, seed }, () => (during = Math.max(during, held()))),
  )
  const wrong = await Promise.all([read(path, 0), ...workers])
  const deadline = Date.now() + 10_000
  while (held() > before + MiB && Date.now() < deadline) await collectGarbage()
  console.log(JSON.stringify({ wrong, during: during - before, after: held() - before }))
}

/** What a worker found wrong, once it has ended: by itself, or terminated in the middle of reads. */
function run(task, answered) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: task }).once('error', reject)
    worker.once('message', wrong => {
      answered()
      worker.once('exit', () => resolve(wrong))
      if (task.seed % 2 === 1) worker.terminate()
    })
  })
}

async function work({ path, seed }) {
  parentPort.postMessage(await read(path, seed))
  if (seed % 2 === 1) for (;;) await read(path, seed)
}

/** How many results had other bytes than the file. */
async function read(path, seed) {
  const file = await MappedFile.open(path)
  const bytes = fs.readFileSync(path)
  const differs = ({ result, at }) => !result.equals(bytes.subarray(at, at + result.length))
  let [wrong, living] = [0, []]
  for (let round = 0; round < ROUNDS; round += 1) {
    allocator.use(NAMES[(round + seed) % NAMES.length])
    const at = seed * MiB + round
    const results = await Promise.all(LENGTHS.flatMap(length => [file.read(at, length), mmapRead(path, at, length)]))
    living.push(...results.map(result => ({ result, at })))
    wrong += living.filter(differs).length
    // Every other one is let go of, under whichever allocator is current.
    living = living.filter((_, index) => index % 2 === 0)
    await collectGarbage()
  }
  wrong += living.filter(differs).length
  await file.close()
  return wrong
}
