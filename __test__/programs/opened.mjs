// How many bytes of the heap of a worker's arena are open, in the worker: of mappings that begin where heaps do.
import { readFileSync } from 'node:fs'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

const HEAP = 64 << 20

if (isMainThread) new Worker(new URL(import.meta.url)).once('message', lengths => console.log(JSON.stringify(lengths)))
else parentPort.postMessage(opened())

/** The lengths of all that are open for writing. */
function opened() {
  return [...readFileSync('/proc/self/maps', 'utf8').matchAll(/^(\w+)-(\w+) rw-p 0+ 00:00 0 *$/gm)]
    .map(([, from, to]) => [from, to].map(address => Number.parseInt(address, 16)))
    .filter(([from]) => from % HEAP === 0)
    .map(([from, to]) => to - from)
}
