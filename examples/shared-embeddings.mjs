// Finds the vectors of a file that are nearest to one of them, with four workers that share one view. The view is
// posted, not copied, so memory does not grow with the number of workers. Needs Node 22.23, 24.16, 26.1 or newer.
//
//   node examples/shared-embeddings.mjs [FILE.f32 DIMENSIONS VECTOR]
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { capabilities, MappedFile } from 'faultless'

const [NEAREST, WORKERS] = [5, 4]
const nearest = found => found.sort((a, b) => b.similarity - a.similarity).slice(0, NEAREST)

if (isMainThread && !capabilities().sharedViews) {
  console.log(`threads cannot share views on Node ${process.version}: see examples/nearest-neighbours.mjs`)
} else if (isMainThread) {
  const folder = mkdtempSync(join(tmpdir(), 'shared-embeddings-'))
  const [path = makeData(folder), dimensions = 64, query = 42] = process.argv.slice(2)
  const file = await MappedFile.open(path, { shared: true })
  const values = await file.view(0, undefined, { as: Float32Array })
  const vectors = Math.floor(values.length / dimensions)
  const share = Math.ceil(vectors / WORKERS)
  const searches = Array.from({ length: WORKERS }, async (_, number) => {
    const worker = new Worker(new URL(import.meta.url))
    const [first, last] = [number * share, Math.min((number + 1) * share, vectors)]
    worker.postMessage({ values, dimensions: Number(dimensions), query: Number(query), first, last })
    const ended = once(worker, 'exit').then(([code]) => Promise.reject(new Error(`a worker ended with code ${code}`)))
    const [found] = await Promise.race([once(worker, 'message'), ended])
    return found
  })
  const found = (await Promise.all(searches)).flat()
  for (const { vector, similarity } of nearest(found)) console.log(`vector ${vector}: ${similarity.toFixed(4)}`)
  await file.close()
  rmSync(folder, { recursive: true })
} else {
  const [{ values, dimensions, query, first, last }] = await once(parentPort, 'message')
  let found = []
  for (let vector = first; vector < last; vector += 1) {
    let similarity = 0
    for (let i = 0; i < dimensions; i += 1)
      similarity += values[query * dimensions + i] * values[vector * dimensions + i]
    if (similarity > (found[NEAREST - 1]?.similarity ?? -1)) found = nearest([...found, { vector, similarity }])
  }
  parentPort.postMessage(found)
}

/** Writes 10,000 vectors of length 1. */
function makeData(folder, dimensions = 64) {
  const made = join(folder, 'embeddings.f32')
  const length = 10_000 * dimensions
  writeFileSync(
    made,
    Float32Array.from({ length }, (_, i) => Math.sin(i * i) / Math.sqrt(dimensions / 2)),
  )
  return made
}
