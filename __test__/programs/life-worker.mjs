// A worker thread that keeps views in use by zlib, crypto, a socket and fs, closes and forgets handles, and reads, for ever.

import { createHash, webcrypto } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { deflate, gzip } from 'node:zlib'
import { MappedFile, mmapRead } from 'faultless'
import { MiB } from '../helpers/files.mjs'
import { collectGarbage } from '../helpers/process.mjs'

const { path, out } = workerData
const server = createServer(socket => socket.resume()).listen(0)
await once(server, 'listening')
const socket = connect(server.address().port)
const nothing = () => {}
await collectGarbage()
setInterval(collectGarbage, 4)
parentPort.postMessage('busy')

for (;;) {
  const file = await MappedFile.open(path)
  const [large, small] = await Promise.all([file.view(0, 4 * MiB), file.view(MiB, 2 * MiB)])
  deflate(large, { level: 1 }, nothing)
  gzip(small, nothing)
  createHash('sha256').update(small)
  webcrypto.subtle.digest('SHA-256', large)
  socket.write(small)
  fs.writeFile(out, large, nothing)
  file.read(0, 8 * MiB).catch(nothing)
  file.chunks().next()
  mmapRead(path, MiB, MiB)
  file.close()
  await delay(2)
}
