// Worker threads that read a file again and again with node:fs, and what that cost the process in page faults: once their
// heaps have grown, which takes as many faults whoever tunes what.
//
// Arguments: the file, and who tunes malloc first: 'main', 'worker' or 'nobody'.

import { once } from 'node:events'
import fs from 'node:fs'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const WORKERS = 4
const WARM_UP = 2000
const READS = 2000

if (isMainThread) await main()
else await work(workerData)

async function main() {
  const [path, who] = process.argv.slice(2)
  if (who === 'main') await tune()
  else if (who === 'worker') await run({ tunes: true })
  const workers = Array.from({ length: WORKERS }, () => new Worker(new URL(import.meta.url), { workerData: { path } }))
  const ask = () => Promise.all(workers.map(worker => once(worker, 'message')))
  await ask()
  const before = process.resourceUsage().minorPageFault
  const done = ask()
  for (const worker of workers) worker.postMessage('go')
  await done
  const faults = process.resourceUsage().minorPageFault - before
  await Promise.all(workers.map(worker => worker.terminate()))
  console.log(JSON.stringify({ faultsPerRead: faults / (WORKERS * READS), loaded: loadedAddon() }))
}

function run(task) {
  return new Promise((resolve, reject) => {
    new Worker(new URL(import.meta.url), { workerData: task }).once('error', reject).once('exit', resolve)
  })
}

async function work({ path, tunes }) {
  if (tunes) return tune()
  const told = once(parentPort, 'message')
  read(path, WARM_UP)
  parentPort.postMessage('warm')
  await told
  parentPort.postMessage(read(path, READS))
}

function read(path, times) {
  let length = 0
  for (let i = 0; i < times; i += 1) length += fs.readFileSync(path).length
  return length
}

async function tune() {
  const { allocator } = await import('faultless')
  allocator.tune()
}

/** Whether this process has loaded the addon of faultless. */
function loadedAddon() {
  return fs.readFileSync('/proc/self/maps', 'utf8').includes('faultless.')
}
