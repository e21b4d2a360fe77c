// Counts how often the addon is asked for its capabilities while a file is opened and read in many ways.
//
// Argument: the file.

import fs from 'node:fs'
import { createRequire } from 'node:module'

const root = new URL('../../', import.meta.url)
const addon = fs.readdirSync(root).find(name => name.endsWith('.node'))
// The loader of the addon gets the same object.
const binding = createRequire(root)(`./${addon}`)
const { capabilities } = binding
let asked = 0
binding.capabilities = () => {
  asked += 1
  return capabilities()
}
const { MappedFile, mmapRead, capabilities: found } = await import('faultless')
const whenLoaded = asked
const { sharedViews } = found()
const before = asked
for (let round = 0; round < 50; round += 1) {
  const file = await MappedFile.open(process.argv[2], { shared: sharedViews })
  for await (const chunk of file.chunks({ end: 100, shared: round % 2 === 0 && sharedViews }))
    await file.read(0, chunk[0])
  await file.view()
  await file.close()
  await mmapRead(process.argv[2])
}
console.log(JSON.stringify({ whenLoaded, later: asked - before, counts: before > whenLoaded }))
