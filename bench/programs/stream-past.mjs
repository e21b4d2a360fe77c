// Streams files past at a pace, beside another process that is measured, and checks what came.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { summer } from '../harness/sums.mjs'
import { peers } from './peers.mjs'

const { peer, paths, sums, size, bytesPerSecond } = JSON.parse(process.argv[2])
try {
  const source = await peers[peer].sequence({ paths })
  process.send({})
  await once(process, 'message')
  const found = summer(size)
  const begun = performance.now()
  let consumed = 0
  await source.run(async bytes => {
    found.consume(bytes)
    consumed += bytes.length
    const early = begun + (1000 * consumed) / bytesPerSecond - performance.now()
    if (early > 0) await sleep(early)
  })
  const took = performance.now() - begun
  if (found.sums.join() !== sums.join())
    throw new Error(`wrong answer: the sums of what streamed past are ${found.sums}`)
  process.send({ bytesPerSecond: (1000 * consumed) / took })
  await source.close()
} catch (error) {
  process.send({ error: error.message })
}
