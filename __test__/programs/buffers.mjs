// Worker threads that read a file again and again with node:fs, and what that cost the process in page faults.
//
// Arguments: the file, and who tunes malloc first: 'main', 'worker' or 'nobody'.

import fs from 'node:fs'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const WORKERS = 4
const READS = 1000

if (isMainThread) await main()
else await work(workerData)

async function main() {
  const [path, who] = process.argv.slice(2)
  if (who === 'main') await tune()
  else if (who === 'worker') await run({ tunes: true })
  const before = process.resourceUsage().minorPageFault
  await Promise.all(Array.from({ length: WORKERS }, () => run({ path })))
  const faults = process.resourceUsage().minorPageFault - before
  console.log(JSON.stringify({ faultsPerRead: faults / (WORKERS * READS), loaded: loadedAddon() }))
}

function run(task) {
  return new Promise((resolve, reject) => {
    new Worker(new URL(import.meta.url), { workerData: task }).once('error', reject).once('exit', resolve)
  })
}

async function work({ path, tunes }) {
  if (tunes) return tune()
  let length = 0
  for (let i = 0; i < READS; i += 1) length += fs.readFileSync(path).length
  parentPort.postMessage(length)
}

async function tune() {
  const { allocator } = await import('faultless')
  allocator.tune()
}

/** Whether this process has loaded the addon of faultless. */
function loadedAddon() {
  return fs.readFileSync('/proc/self/maps', 'utf8').includes('faultless.')
}
