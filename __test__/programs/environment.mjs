// Changes the environment of the process without end while workers load the package and read.

import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { MiB } from '../helpers/files.mjs'

if (isMainThread) await main(process.argv[2])
else await read(workerData)

async function main(path) {
  // The main thread as well: what it asks for, it asks on a thread where that is safe.
  await read(path)
  const workers = Array.from({ length: 4 }, () => new Worker(new URL(import.meta.url), { workerData: path }))
  let going = true
  const ended = Promise.all(workers.map(worker => once(worker, 'message'))).finally(() => {
    going = false
  })
  for (let round = 0; going; round++) {
    // Names that come and go have the C library move its list of them.
    for (let index = 0; index < 200; index++) process.env[`FAULTLESS_TEST_${round}_${index}`] = 'x'.repeat(index)
    for (let index = 0; index < 200; index++) delete process.env[`FAULTLESS_TEST_${round}_${index}`]
    await new Promise(setImmediate)
  }
  await ended
  console.log(JSON.stringify('done'))
}

async function read(path) {
  const { MappedFile, mmapRead, allocator, capabilities } = await import('faultless')
  for (let time = 0; time < 20; time++) {
    const file = await MappedFile.open(path)
    await Promise.all([file.read(), file.view(0, MiB), file.readMany([{ offset: 0, length: 100 }]), file.residency()])
    await file.lock(0, 4096)
    await mmapRead(path)
    await file.close()
  }
  mmapRead.release()
  allocator.stats()
  capabilities()
  parentPort?.postMessage('done')
}
