// Posts views of a file to workers; prints whether they saw its bytes, whether this thread saw what they wrote, and by how much the memory
// of the process has grown in between.
//
// Arguments: the file, how many workers.

import { once } from 'node:events'
import fs from 'node:fs'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

if (isMainThread) {
  const { MappedFile } = await import('faultless')
  const [path, count] = process.argv.slice(2)
  const workers = Array.from(
    { length: Number(count) },
    (_, number) => new Worker(new URL(import.meta.url), { workerData: number }),
  )
  await Promise.all(workers.map(worker => once(worker, 'message')))
  // Of memory that is no file's: what is mapped of the file is in the page cache anyway.
  const memory = () => {
    const [, kib] = fs.readFileSync('/proc/self/status', 'utf8').match(/^RssAnon:\s+(\d+)/m)
    return Number(kib) * 1024
  }
  const file = await MappedFile.open(path, { shared: true })
  const view = await file.view(0, 64)
  const before = memory()
  const answers = workers.map(worker => once(worker, 'message'))
  for (const worker of workers) worker.postMessage(view)
  const seen = (await Promise.all(answers)).flat()
  const grown = memory() - before
  const bytes = fs.readFileSync(path).subarray(0, 64).toString('hex')
  const same = seen.every(({ hex, length }) => hex.slice(64) === bytes.slice(64) && length === file.byteLength)
  const stored = seen.every((_, number) => view[number] === 100 + number)
  console.log(JSON.stringify({ same, stored, grown }))
  for (const worker of workers) await worker.terminate()
} else {
  parentPort.on('message', view => {
    Atomics.store(view, workerData, 100 + workerData)
    parentPort.postMessage({ hex: Buffer.from(view).toString('hex'), length: view.buffer.byteLength })
  })
  parentPort.postMessage('ready')
}
