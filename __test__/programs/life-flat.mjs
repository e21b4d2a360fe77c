// Opens files over and over and forgets what it got, and prints by how much the process has grown.

import fs from 'node:fs'
import { join } from 'node:path'
import { MappedFile, mmapRead } from 'faultless'
import { seededFile } from '../helpers/files.mjs'
import { collectGarbage, untilReleased } from '../helpers/process.mjs'
import { descriptorCount, mappingCount, residentMiB } from '../helpers/process-size.mjs'

const [folder, times] = [process.argv[2], Number(process.argv[3])]
const path = seededFile(folder, 600_000)
const opened = use => async () => use(await MappedFile.open(path))

/** What is forgotten. None is closed but where it says so. */
const kinds = {
  handle: opened(async () => {}),
  'closed handle': opened(async file => {
    await file.read(0, 10)
    await file.close()
  }),
  view: opened(file => file.view(0, 10)),
  'view of a closed handle': opened(async file => {
    await file.view(5000, 10)
    await file.close()
  }),
  'chunk iterator': opened(file => file.chunks({ chunkSize: 100_000 }).next()),
  result: opened(file => file.read(0, 300_000)),
  refreshed: opened(async file => {
    await file.view(0, 1)
    await file.refresh()
    await file.read(0, 10)
  }),
  mmapRead: async () => {
    await mmapRead(path, 0, 5000)
    mmapRead.release(path)
  },
}

async function many(count) {
  const ways = Object.values(kinds)
  for (let done = 0; done < count; done += 10 * ways.length) {
    await Promise.all(ways.flatMap(way => Array.from({ length: 10 }, way)))
    if (done % (100 * ways.length) === 0) await collectGarbage()
  }
  await collectGarbage()
  await untilReleased(path)
}

await many(times / 4)
const before = { mappings: mappingCount(), descriptors: descriptorCount(), resident: residentMiB() }
await many(times)
const grown = {
  mappings: mappingCount() - before.mappings,
  descriptors: descriptorCount() - before.descriptors,
  resident: residentMiB() - before.resident,
}
fs.rmSync(join(folder, 'seeded-1'))
console.log(JSON.stringify(grown))
