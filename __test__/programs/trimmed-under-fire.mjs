// Workers write into buffers and read them again while malloc is looked after and trimmed without a pause, and children are
// forked: prints how many buffers were wrong, and what went back.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { deflate, inflateSync } from 'node:zlib'
import { allocator } from 'faultless'

const KiB = 1024
const FOR = 3000

if (process.argv[2] === 'child') process.exit()
if (isMainThread) {
  allocator.tune({ memory: 0 })
  const self = fileURLToPath(import.meta.url)
  const end = performance.now() + FOR
  let trimmed = 0
  const packed = promisify(deflate)
  const text = Buffer.alloc(5000, 'some text')
  let wrong = 0
  const lanes = [
    // Workers that end and are ended, too.
    ...Array.from({ length: 4 }, async (_, index) => {
      while (performance.now() < end) {
        const worker = new Worker(self, { argv: ['worker'] })
        const ended = once(worker, 'exit')
        const [message] = await once(worker, 'message')
        wrong += message
        if (index % 2 === 0) await worker.terminate()
        await ended
      }
    }),
    (async () => {
      while (performance.now() < end) trimmed += await allocator.trim()
    })(),
    (async () => {
      while (performance.now() < end) await once(fork(self, ['child']), 'exit')
    })(),
    (async () => {
      while (performance.now() < end) {
        const all = await Promise.all(Array.from({ length: 50 }, () => packed(text)))
        wrong += all.filter(each => !inflateSync(each).equals(text)).length
      }
    })(),
  ]
  await Promise.all(lanes)
  console.log(JSON.stringify({ wrong, trimmed, decision: allocator.stats('glibc').decision }))
} else {
  let wrong = 0
  const kept = []
  for (let made = 1; made <= 1500; made += 1) {
    const buffer = Buffer.allocUnsafeSlow(Math.floor(2 ** (8 + 12 * Math.random()))).fill(made % 251)
    const place = Math.floor(60 * Math.random())
    const { buffer: before, mark } = kept[place] ?? {}
    if (before && !before.equals(Buffer.alloc(before.length, mark))) wrong += 1
    kept[place] = { buffer, mark: made % 251 }
    if (made % 200 === 0) {
      // Memory that is to be zero is.
      if (new Uint8Array(700 * KiB).some(byte => byte !== 0)) wrong += 1
    }
  }
  parentPort.postMessage(wrong)
}
