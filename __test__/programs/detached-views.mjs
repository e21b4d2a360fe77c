// Views that a byte stream takes away, and what is said of it.
//
// Arguments: the file, and what happens: again (twice, in two files), close (once, and nothing after it), nothing.

import { setTimeout as delay } from 'node:timers/promises'
import { MappedFile } from 'faultless'

const [path, what] = process.argv.slice(2)
const warnings = []
process.on('warning', ({ name, code, message, detail }) => warnings.push({ name, code, message, detail }))

for (let round = 0; round < 2; round += 1) {
  const file = await MappedFile.open(path)
  const view = await file.view(0, 10)
  const take = chunk => new ReadableStream({ type: 'bytes', start: controller => controller.enqueue(chunk) })
  if (what !== 'nothing') take(view)
  if (what === 'again') await file.view(0, 10)
  await file.close()
}
await delay(10)
console.log(JSON.stringify({ warnings }))
