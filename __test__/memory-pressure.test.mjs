// A file four times as large as the memory: random reads give the right bytes, and no process is killed.
//
// Seen to fail: if fs.readFileSync reads the file into a Buffer, the process is killed.

import fs from 'node:fs'
import { join } from 'node:path'
import { evict, loopDisk, memoryLimited } from './helpers/fault-rig.mjs'
import { MiB, PAGE, seededFile, temporaryFolder } from './helpers/files.mjs'
import { needs, program } from './helpers/rig.mjs'

const SIZE = 512 * MiB

/** Each page of 4 KiB begins with its number, and its byte 511 is the number's last byte. */
function numberedPages(folder, size = SIZE) {
  const path = join(folder, `numbered-${size}`)
  const file = fs.openSync(path, 'w')
  const some = Buffer.alloc(4 * MiB)
  for (let start = 0; start < size; start += some.length) {
    for (let at = 0; at < some.length; at += PAGE) {
      const page = (start + at) / PAGE
      some.writeUInt32LE(page, at)
      some[at + 511] = page & 0xff
    }
    fs.writeSync(file, some)
  }
  fs.fsyncSync(file)
  // Cached pages are charged to the cgroup that read them first.
  fs.closeSync(file)
  return path
}

needs('memoryLimit', 'eviction')('200,000 random reads in a memory cgroup of a quarter of the file', async t => {
  const path = numberedPages(temporaryFolder(t))
  evict(path)
  const group = memoryLimited(SIZE / 4)
  t.teardown(group.dispose)
  const result = await program(t, 'pressure', [path, 200_000], { cgroups: [group] })
  t.deepEqual(result, { enough: true, wrong: 0 })
})

// Seen to fail: if pages that the kernel has read ahead for chunks are treated as resident before.
needs(
  'memoryLimit',
  'eviction',
  'loopDevices',
)('chunks of a long file push what others read out of memory no more than a stream does', async t => {
  const disk = loopDisk({ size: SIZE + 192 * MiB, readAheadKiB: 128, direct: true })
  t.teardown(disk.dispose)
  const folder = disk.mountPoint
  const [long, short] = [numberedPages(folder), seededFile(folder, 16 * MiB, 1, 'short')]
  const missed = async way => {
    for (const path of [long, short]) evict(path)
    const group = memoryLimited(SIZE / 4)
    const result = await program(t, 'streamed-past', [long, short, way], { cgroups: [group] })
    group.dispose()
    t.is(result.length, SIZE)
    return result.missed
  }
  const shares = { chunks: await missed('chunks'), stream: await missed('createReadStream') }
  t.log(shares)
  t.true(shares.chunks <= 1.5 * shares.stream + 0.05)
})

// Seen to fail, with one to three: where a copy from mapped memory relied on an earlier query of the page table.
needs('memoryLimit', 'eviction')('short reads never wait for a page that is taken out of memory just then', async t => {
  const folder = temporaryFolder(t)
  const [hot, long] = [96 * MiB, SIZE].map(size => numberedPages(folder, size))
  for (const path of [hot, long]) evict(path)
  const group = memoryLimited(SIZE / 4)
  t.teardown(group.dispose)
  t.deepEqual(await program(t, 'shortage', [hot, long], { cgroups: [group] }), { gone: 1000, wrong: 0, faults: 0 })
})
