// Reads a file by its path, and again after its rights have changed, each time that its parent says so; sends what came of each
// way. forbidden.mjs PATH

import fs from 'node:fs'
import { MappedFile, mmapRead } from 'faultless'
import { MiB } from '../helpers/files.mjs'

const [path] = process.argv.slice(2)
const ways = {
  fs: () => fs.promises.readFile(path),
  mmapRead: () => mmapRead(path, 0, 100),
  'mmapRead, once more': () => mmapRead(path, 0, 100),
  'mmapRead without a length': () => mmapRead(path),
  'mmapRead of 9 MiB': () => mmapRead(path, 0, 9 * MiB),
  open: async () => (await MappedFile.open(path)).close(),
}

async function look() {
  const report = {}
  for (const [name, way] of Object.entries(ways)) {
    report[name] = await way().then(
      () => 'resolved',
      ({ code }) => code,
    )
  }
  process.send(report)
}

process.on('message', async ({ euid }) => {
  if (euid !== undefined) process.seteuid(euid)
  await look()
})
await look()
