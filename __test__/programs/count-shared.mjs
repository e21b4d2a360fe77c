// Workers that get a shared view of a file opened with flags 'r+' by post, and raise a number in it.
//
// Arguments: the file, how many workers, how often each.

import { once } from 'node:events'
import { isMainThread, Worker, workerData } from 'node:worker_threads'

if (isMainThread) {
  const { MappedFile } = await import('faultless')
  const [path, workers, each] = process.argv.slice(2)
  const file = await MappedFile.open(path, { flags: 'r+', shared: true })
  const view = await file.view()
  const ended = Array.from({ length: Number(workers) }, () =>
    once(new Worker(new URL(import.meta.url), { workerData: { view, each: Number(each) } }), 'exit'),
  )
  const codes = (await Promise.all(ended)).flat()
  if (codes.some(code => code !== 0)) throw new Error(`workers ended with ${codes}`)
  await file.flush()
  await file.close()
  console.log(JSON.stringify(true))
} else {
  const cells = new Int32Array(workerData.view.buffer, 64, 1)
  for (let done = 0; done < workerData.each; done += 1) Atomics.add(cells, 0, 1)
}
