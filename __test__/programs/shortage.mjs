// Reads a file at random that was faulted in, while another thread reads a long one through, until memory is short and the first pages
// are gone; prints how often this thread waited for a page.
//
// Arguments: the file, the long file.

import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { MappedFile } from 'faultless'
import { MiB, PAGE, seededNumbers } from '../helpers/files.mjs'

if (isMainThread) {
  const [path, long] = process.argv.slice(2)
  const file = await MappedFile.open(path)
  await file.prefault()
  const random = seededNumbers(1)
  const target = Buffer.alloc(PAGE)
  const majorFaults = () => {
    const text = readFileSync('/proc/thread-self/stat', 'utf8')
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[12 - 3])
  }
  const worker = new Worker(new URL(import.meta.url), { workerData: long })
  const before = majorFaults()
  let [reads, gone, wrong] = [0, 0, 0]
  while (gone < 1000 && reads < 20_000_000) {
    const page = Math.floor((random() * file.byteLength) / PAGE)
    if (file.tryReadInto(target, page * PAGE) === undefined) {
      gone += 1
      await file.readInto(target, page * PAGE)
    }
    if (target.readUInt32LE(0) !== page) wrong += 1
    reads += 1
    if (reads % 100 === 0) await new Promise(setImmediate)
  }
  const faults = majorFaults() - before
  await worker.terminate()
  console.log(JSON.stringify({ gone, wrong, faults }))
} else {
  const bytes = Buffer.alloc(MiB)
  const descriptor = openSync(workerData)
  process.on('exit', () => closeSync(descriptor))
  for (let at = 0; ; ) at = (at + readSync(descriptor, bytes, 0, bytes.length, at)) % (512 * MiB)
}
