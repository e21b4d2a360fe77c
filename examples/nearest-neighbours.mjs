// Finds the vectors of a file that are nearest to one of them, with several workers. All workers open the same file: it is
// mapped once for the whole process, so pages that one worker has faulted in are resident for all.
//
//   node examples/nearest-neighbours.mjs [FILE.f32 DIMENSIONS VECTOR]
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { MappedFile } from 'faultless'

const NEAREST = 5
const nearest = found => found.sort((a, b) => b.similarity - a.similarity).slice(0, NEAREST)

if (isMainThread) {
  const folder = mkdtempSync(join(tmpdir(), 'nearest-neighbours-'))
  const [path = makeData(folder), length = 64, number = 42] = process.argv.slice(2)
  const [dimensions, query] = [Number(length), Number(number)]
  const vectors = Math.floor(statSync(path).size / (4 * dimensions))
  const share = Math.ceil(vectors / availableParallelism())
  const searches = []
  for (let first = 0; first < vectors; first += share) {
    const workerData = { path, dimensions, query, first, last: Math.min(first + share, vectors) }
    const worker = new Worker(new URL(import.meta.url), { workerData })
    const ended = once(worker, 'exit').then(([code]) => Promise.reject(new Error(`a worker ended with code ${code}`)))
    searches.push(Promise.race([once(worker, 'message'), ended]))
  }
  const found = (await Promise.all(searches)).flatMap(([message]) => message)
  for (const { vector, similarity } of nearest(found)) console.log(`vector ${vector}: ${similarity.toFixed(4)}`)
  rmSync(folder, { recursive: true })
} else {
  const { path, dimensions, query, first, last } = workerData
  const file = await MappedFile.open(path)
  const bytes = 4 * dimensions
  const wanted = new Float32Array(await file.slice(query * bytes, (query + 1) * bytes))
  let found = []
  // Chunks are views, not copies. The next chunks are faulted in while one is searched.
  const chunks = file.chunks({ start: first * bytes, end: last * bytes, chunkSize: bytes * Math.ceil(2 ** 20 / bytes) })
  let vector = first
  for await (const chunk of chunks) {
    const values = new Float32Array(chunk.buffer, chunk.byteOffset, chunk.length / 4)
    for (let at = 0; at < values.length; at += dimensions, vector += 1) {
      let similarity = 0
      for (let i = 0; i < dimensions; i += 1) similarity += wanted[i] * values[at + i]
      if (similarity > (found[NEAREST - 1]?.similarity ?? -1)) found = nearest([...found, { vector, similarity }])
    }
  }
  parentPort.postMessage(nearest(found))
  await file.close()
}

/** Writes 10,000 vectors of length 1. */
function makeData(folder, dimensions = 64) {
  const made = join(folder, 'embeddings.f32')
  const element = (_, i) => Math.sin(i * i) / Math.sqrt(dimensions / 2)
  const values = Float32Array.from({ length: 10_000 * dimensions }, element)
  writeFileSync(made, values)
  return made
}
