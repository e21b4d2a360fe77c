// Closes a file, and ends a worker, while residency() of a huge file is under way in each, and prints what they waited for.

import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { MappedFile } from 'faultless'

const path = isMainThread ? process.argv[2] : workerData
const file = await MappedFile.open(path)
if (!isMainThread) {
  const counting = file.residency()
  // By then the first job has begun, and its answer has come.
  await file.residency(0, 1)
  parentPort.postMessage('under way')
  await counting
} else {
  const other = await MappedFile.open(path)
  let done = false
  // Begun before all else, so whoever waits for as much work comes after it.
  const first = other.residency().then(
    () => {
      done = true
      return 'counted'
    },
    ({ code }) => code,
  )
  const counting = file.residency().then(
    () => 'counted',
    ({ code }) => code,
  )
  await file.read(0, 1)
  await file.close()
  const report = { closed: await counting, beforeClosed: !done }
  const worker = new Worker(new URL(import.meta.url), { workerData: path })
  await once(worker, 'message')
  await worker.terminate()
  report.beforeTerminated = !done
  await other.close()
  report.first = await first
  console.log(JSON.stringify(report))
}
