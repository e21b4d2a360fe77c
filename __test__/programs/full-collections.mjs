// Reads a GiB of results in several ways, on a heap that holds nothing else, and says how often V8 collected all of it: for
// comparison also by node:fs, because some versions of V8 do so for memory of their own.
import { open } from 'node:fs/promises'
import { constants, PerformanceObserver } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { MappedFile, mmapRead } from 'faultless'

const MiB = 2 ** 20
const [path, whole] = process.argv.slice(2)
const file = await MappedFile.open(path)
const handle = await open(path)
await file.prefault()
let full = 0
const observer = new PerformanceObserver(list => {
  for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) full += 1
})
observer.observe({ entryTypes: ['gc'] })
const found = {}
for (const [name, read] of Object.entries({
  'node:fs': offset => handle.read(Buffer.allocUnsafeSlow(MiB), 0, MiB, offset),
  read: offset => file.read(offset, MiB),
  readMany: offset => file.readMany([{ offset, length: MiB }]),
  mmapRead: offset => mmapRead(path, offset, MiB),
  'mmapRead, whole': () => mmapRead(whole),
})) {
  full = 0
  for (let i = 0; i < 1024; i += 1) await read((i % 14) * MiB)
  await turn()
  found[name] = full
}
await handle.close()
console.log(JSON.stringify(found))
