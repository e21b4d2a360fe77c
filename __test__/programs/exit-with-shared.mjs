// The process ends in the middle of what four workers and the main thread do with one shared view.
//
// Arguments: the file, and how it ends: by exit, or by an error that nobody catches.

import { once } from 'node:events'
import net from 'node:net'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { gzip } from 'node:zlib'
import { MappedFile } from 'faultless'

const compress = view => gzip(view, () => compress(view))

if (isMainThread) {
  const [path, way] = process.argv.slice(2)
  const file = await MappedFile.open(path, { shared: true })
  const view = await file.view()
  const server = net.createServer(socket => socket.resume()).listen(0)
  await once(server, 'listening')
  const socket = net.connect(server.address().port)
  for (let times = 0; times < 20; times += 1) socket.write(view)
  const workers = [1, 2, 3, 4].map(() => new Worker(new URL(import.meta.url), { workerData: view }))
  await Promise.all(workers.map(worker => once(worker, 'message')))
  compress(view)
  console.log(JSON.stringify({ began: workers.length }))
  if (way === 'exit') process.exit(0)
  process.on('uncaughtException', () => process.exit(0))
  throw new Error('an end')
} else {
  compress(workerData)
  parentPort.postMessage('began')
}
