// Views, prefaults and locks cold files, and prints how many major faults that made, over all threads of the process.

import fs from 'node:fs'
import { MappedFile } from 'faultless'
import { unpopulatedWindow } from '#binding'

const [folder, ...names] = process.argv.slice(2)

/** Of all threads that there are: those of the pool stay. */
function faultsOfAll() {
  const stats = fs
    .readdirSync('/proc/self/task')
    .map(thread => fs.readFileSync(`/proc/self/task/${thread}/stat`, 'latin1'))
  return stats.reduce((sum, stat) => sum + Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[9]), 0)
}

const ways = {
  view: async file => (await file.view()).length,
  prefault: async file => (await file.prefault()) ?? file.byteLength,
  lock: async file => (await file.lock()) ?? file.byteLength,
  async chunks(file) {
    let length = 0
    for await (const chunk of file.chunks()) length += chunk.length
    return length
  },
  /** What the others are held against: the touch of each page. */
  touch: async (_, path) => {
    const window = new Uint8Array(unpopulatedWindow(Buffer.from(path)))
    let sum = 0
    for (let at = 0; at < window.length; at += 4096) sum += window[at]
    return sum > 0 ? window.length : 0
  },
}

async function faultsOf(name, path) {
  const file = await MappedFile.open(path)
  const before = faultsOfAll()
  const length = await ways[name](file, path)
  const faults = faultsOfAll() - before
  await file.close()
  return { faults, whole: length === file.byteLength }
}

// Once on a warm file, so that neither code nor memory of Node's own is met for the first time below.
for (const name of names) await faultsOf(name, `${folder}/warm`)
const report = {}
for (const name of names) report[name] = await faultsOf(name, `${folder}/${name}`)
console.log(JSON.stringify(report))
