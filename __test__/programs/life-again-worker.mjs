// A worker thread that reads a file, cuts it under a view, and ends with reads in flight and nothing closed.

import fs from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { MappedFile, mmapRead } from 'faultless'
import { MiB, seededBytes, seededFile } from '../helpers/files.mjs'

const path = seededFile(workerData.folder, 2 * MiB)
const file = await MappedFile.open(path)
const view = await file.view()
const right = view.equals(seededBytes(2 * MiB)) && (await mmapRead(path)).equals(view)
fs.truncateSync(path, MiB)
const lost = view[2 * MiB - 1]
const kept = view.subarray(0, MiB).equals(seededBytes(2 * MiB).subarray(0, MiB))
for (let index = 0; index < 8; index++) file.read(index * 1000, MiB / 2).catch(() => {})
parentPort.postMessage(right && kept && lost === 0 ? 'right' : `${right} ${kept} ${lost}`)
