// A worker thread that opens a file, reads and views it, and goes through the steps it is told.

import { createHash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { MappedFile } from 'faultless'
import { collectGarbage } from '../helpers/process.mjs'

const digest = bytes => createHash('sha256').update(bytes).digest('hex')
const { path, offset, length } = workerData

let file
let view

// Not at the top level of the module: V8 keeps what was awaited there.
const steps = {
  async open() {
    file = await MappedFile.open(path)
    view = await file.view(offset, length)
  },
  digests: async () => ({ read: digest(await file.read(offset, length)), view: digest(view) }),
  digestOfView: () => digest(view),
  async scribble() {
    view.fill(0)
  },
  close: () => file.close(),
  forgetView() {
    view = undefined
    setInterval(collectGarbage, 20)
  },
}

parentPort.on('message', async step => parentPort.postMessage(await steps[step]()))
