// Reads many files by mmapRead under a small limit of descriptors, and prints what went wrong and how many descriptors there were.
//
// many-files.mjs FOLDER FILES LIMIT WORKERS: each worker has its share of the files; the main thread has all of them without workers.

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { connect, createServer } from 'node:net'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { MappedFile, mmapRead } from 'faultless'
import { descriptorsOf, mappingsOf } from '../helpers/process.mjs'
import { descriptorCount, mappingCount } from '../helpers/process-size.mjs'

const AT_ONCE = 64
const bytesOf = index => Buffer.alloc(300, `file ${index} `)

/** Reads files, some at a time, and says which were not right, and the most descriptors that it saw. */
async function readFiles({ folder, from, to, rounds }) {
  const wrong = []
  let most = 0
  let next = from
  const reader = async () => {
    while (next < to) {
      const index = next++
      for (let round = 0; round < rounds; round++) {
        try {
          if (!bytesOf(index).equals(await mmapRead(`${folder}/${index}`))) wrong.push(`${index}: other bytes`)
        } catch (error) {
          wrong.push(`${index}: ${error.message}`)
        }
      }
      if (index % 500 === 0) most = Math.max(most, descriptorCount())
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, reader))
  return { wrong, most }
}

async function work(folder, files, workers) {
  if (workers === 0) return [await readFiles({ folder, from: 0, to: files, rounds: 3 })]
  return Promise.all(
    Array.from({ length: workers }, async (_, index) => {
      const [from, to] = [index, index + 1].map(share => Math.floor((share * files) / workers))
      const task = { folder, from, to, rounds: 2 }
      const worker = new Worker(new URL(import.meta.url), { workerData: task })
      const [report] = await once(worker, 'message')
      await once(worker, 'exit')
      return report
    }),
  )
}

/** A file and a socket of somebody else's, as long as everything is still mapped. */
async function others(folder) {
  const handle = await fs.promises.open(`${folder}/0`)
  await handle.close()
  const server = createServer(socket => socket.end('hello')).listen(0)
  await once(server, 'listening')
  const socket = connect(server.address().port)
  const [data] = await once(socket, 'data')
  server.close()
  return data.toString()
}

async function main() {
  const [folder, files, limit, workers] = [process.argv[2], ...process.argv.slice(3).map(Number)]
  for (let index = 0; index < files; index++) fs.writeFileSync(`${folder}/${index}`, bytesOf(index))
  execFileSync('prlimit', ['--pid', process.pid, `--nofile=${limit}:${limit}`])
  // Once, so that what it needs for itself is there.
  await mmapRead(`${folder}/0`)
  const before = descriptorCount()
  const found = await work(folder, files, workers)
  const others_ = await others(folder)
  const path = `${folder}/${files - 1}`
  for (let time = 0; time < 3; time++) await mmapRead(path)
  const kept = { mappings: mappingsOf(path).length, descriptors: descriptorsOf(path), all: mappingCount() }
  const file = await MappedFile.open(path)
  await file.view()
  const opened = descriptorsOf(path)
  await file.close()
  const after = descriptorCount()
  const wrong = found.flatMap(({ wrong }) => wrong)
  const most = Math.max(...found.map(({ most }) => most))
  console.log(JSON.stringify({ wrong: wrong.slice(0, 3), before, most, after, kept, opened, others: others_ }))
  process.exit(0)
}

if (isMainThread) await main()
else parentPort.postMessage(await readFiles(workerData))
