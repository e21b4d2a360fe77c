// Workers that hash, compress and write a shared view, and end in the middle of that: 60 of them, some of which opened the file themselves.
//
// Arguments: the file, how they end: by terminate, by exit or by return.

import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { MappedFile } from 'faultless'

if (isMainThread) {
  const [path, way] = process.argv.slice(2)
  let ended = 0
  for (let round = 0; round < 10; round += 1) {
    const file = await MappedFile.open(path, { shared: true })
    const view = await file.view()
    const workers = Array.from(
      { length: 6 },
      (_, number) => new Worker(new URL(import.meta.url), { workerData: { view, path, way, number } }),
    )
    // Listened for at once: a worker may end before its view is used here.
    const exits = workers.map(worker => once(worker, 'exit'))
    // Views that workers have made come back here, and outlive them.
    const theirs = (await Promise.all(workers.map(worker => once(worker, 'message')))).flat()
    await file.close()
    if (way === 'terminate') for (const worker of workers.reverse()) worker.terminate()
    await Promise.all(exits)
    ended += exits.length
    for (const other of theirs) if (Buffer.compare(other, view) !== 0) throw new Error('other bytes')
  }
  console.log(JSON.stringify({ ended }))
} else {
  const { gzip } = await import('node:zlib')
  const { path, way, number } = workerData
  const view = number % 2 === 0 ? workerData.view : await (await MappedFile.open(path, { shared: true })).view()
  for (let job = 0; job < 4; job += 1) gzip(view, () => way === 'exit' && job === 0 && process.exit())
  parentPort.postMessage(view)
}
