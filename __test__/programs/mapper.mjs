// Takes mmap_lock for writing in the threads that it is told to name: the main thread, a worker, a child process.
// mapper.mjs [--wait] MAIN [WORKER [CHILD]]; with --wait it says `ready`, and begins when it is told to.

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

const words = process.argv.slice(2)
const waits = words[0] === '--wait'
const [main, worker, child] = waits ? words.slice(1) : words

if (waits) {
  process.stdout.write('ready\n')
  await once(process.stdin, 'data')
}
mapAs(main)
if (worker !== undefined) {
  const source = `(${mapAs})(${JSON.stringify(worker)}, require('node:fs').writeFileSync)`
  await once(new Worker(source, { eval: true }), 'exit')
}
if (child !== undefined) execFileSync(process.execPath, [fileURLToPath(import.meta.url), child])
if (waits) {
  process.stdout.write('done\n')
  await once(process.stdin, 'data')
}

/** A memory of WebAssembly is reserved when it is made; each page that it grows by is one more mprotect. */
function mapAs(name, write = writeFileSync) {
  write('/proc/thread-self/comm', name)
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1000 })
  for (let pages = 0; pages < 700; pages += 1) memory.grow(1)
}
