// Does all there is to do with files of the tests' file server, one file for each, with marks in the server's log; prints how each
// ended. served-files.mjs MOUNT-POINT KIND MODE [worker]

import { once } from 'node:events'
import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { isMainThread, Worker } from 'node:worker_threads'
import { MappedFile, mmapRead } from 'faultless'
import { mark, RANGES, SERVED_BYTES, servedBytes } from '../helpers/file-server.mjs'
import { collectGarbage, untilReleased } from '../helpers/process.mjs'

const [mountPoint, kind, mode, where] = process.argv.slice(2)
const pathOf = name => `${mountPoint}/${name}${kind}`
const parts = async iterable => {
  const all = []
  for await (const part of iterable) all.push(part)
  return Buffer.concat(all)
}

/** Ways to the bytes of a range by a handle. */
const reads = {
  read: (file, { offset, length }) => file.read(offset, length),
  async readInto(file, { offset, length }) {
    const target = Buffer.alloc(length)
    return target.subarray(0, await file.readInto(target, offset))
  },
  async tryRead(file, { offset, length }) {
    file.tryRead(offset, length)
    await file.prefault(offset, length)
    return file.tryRead(offset, length) ?? file.read(offset, length)
  },
  async tryReadInto(file, { offset, length }) {
    const target = Buffer.alloc(length)
    file.tryReadInto(target, offset)
    await file.prefault(offset, length)
    return target.subarray(0, file.tryReadInto(target, offset) ?? (await file.readInto(target, offset)))
  },
  async readMany(file, { offset, length }) {
    const half = length >> 1
    return Buffer.concat(await file.readMany([range(offset, half), range(offset + half, length - half)]))
  },
  async readManySettled(file, { offset, length }) {
    const half = length >> 1
    const settled = await file.readManySettled([range(offset, half), range(offset + half, length - half)])
    return Buffer.concat(settled.map(({ value }) => value))
  },
  async readManyInto(file, { offset, length }) {
    const target = Buffer.alloc(length)
    const record = length >> 3
    return target.subarray(
      0,
      await file.readManyInto(
        target,
        Array.from({ length: 8 }, (_, i) => offset + i * record),
        record,
      ),
    )
  },
  slice: async (file, { offset, length }) => Buffer.from(await file.slice(offset, offset + length)),
  view: (file, { offset, length }) => file.view(offset, length),
  async tryView(file, { offset, length }) {
    file.tryView(offset, length)
    await file.prefault(offset, length)
    return file.tryView(offset, length) ?? file.view(offset, length)
  },
  chunks: (file, { offset, length }) =>
    parts(file.chunks({ start: offset, end: offset + length, chunkSize: 32 << 10 })),
  createReadStream: (file, { offset, length }) =>
    parts(file.createReadStream({ start: offset, end: offset + length - 1 })),
}

/** What gives no bytes: a read in the end shows that it did no harm. */
const others = {
  prefault: (file, { offset, length }) => file.prefault(offset, length),
  residency: (file, { offset, length }) => file.residency(offset, length),
  refresh: file => file.refresh(),
  async advise(file, { offset, length }) {
    for (const advice of ['random', 'sequential', 'normal', 'willneed', 'dontneed']) {
      await file.advise(advice, offset, length)
      file.tryRead(offset, length)
    }
  },
  ...(mode === 'r+' && {
    async lock(file, { offset, length }) {
      // Pages of a file that cannot be mapped cannot be locked either.
      await file.lock(offset, length).catch(unlessUnsupported)
      await file.unlock(offset, length).catch(unlessUnsupported)
    },
    async write(file, { offset, length }) {
      await file.write(servedBytes(`write${kind}`, offset, length), offset)
      await file.flush(offset, length)
    },
    async 'write-views'(file, { offset, length }) {
      // A new view after each flush, which has pages come again: the server's time of change is another then.
      for (const bytes of [Buffer.alloc(length, 1), servedBytes(`write-views${kind}`, offset, length)]) {
        const view = await file.view(offset, length).catch(unlessUnsupported)
        if (view) bytes.copy(view)
        await file.flush(offset, length)
      }
    },
    async grow(file) {
      await file.write(Buffer.alloc(10), SERVED_BYTES + 10_000)
      await file.refresh()
      await file.flush()
    },
  }),
}

function unlessUnsupported(error) {
  if (error.code !== 'ERR_UNSUPPORTED') throw error
}

function range(offset, length) {
  return { offset, length }
}

const report = {}

/** Does something between marks, and notes how it ended. */
async function step(name, work) {
  mark(mountPoint, name)
  try {
    report[name] = (await work(name, pathOf(name))) ?? 'done'
  } catch (error) {
    report[name] = error.code ?? error.stack
  }
}

async function right(name, read) {
  // Cold, then warm.
  for (const { offset, length } of [...RANGES, ...RANGES]) {
    const bytes = await read({ offset, length })
    if (!servedBytes(`${name}${kind}`, offset, length).equals(bytes)) return `wrong bytes at ${offset}`
  }
}

async function run() {
  for (const [name, read] of Object.entries(reads)) {
    let file
    await step(`open for ${name}`, async () => {
      file = await MappedFile.open(pathOf(name))
    })
    if (!file) continue
    await step(name, () => right(name, range => read(file, range)))
    await step(`close after ${name}`, () => file.close())
  }
  for (const [name, work] of Object.entries(others)) {
    let file
    await step(`open for ${name}`, async () => {
      file = await MappedFile.open(pathOf(name), { flags: mode })
    })
    if (!file) continue
    await step(name, () =>
      right(name, async range => {
        await work(file, range)
        return file.read(range.offset, range.length)
      }),
    )
    await step(`close after ${name}`, () => file.close())
  }

  await step('file-handle', async (name, path) => {
    const handle = await fs.promises.open(path)
    try {
      const file = await MappedFile.open(handle)
      const found = await right(name, ({ offset, length }) => file.read(offset, length))
      await file.close()
      return found
    } finally {
      await handle.close()
    }
  })
  await step('opened-twice', async (name, path) => {
    const file = await MappedFile.open(path)
    const found = await right(name, async ({ offset, length }) => {
      await file.read(offset, length)
      // Where pages are not kept, this is the end of them.
      const other = await MappedFile.open(path)
      const bytes = file.tryRead(offset, length) ?? (await file.read(offset, length))
      await other.close()
      return bytes
    })
    await file.close()
    return found
  })
  for (const method of ['read', 'view']) {
    await step(`collected-${method}`, async (_, path) => {
      await leave(path, method)
      await untilReleased(path)
    })
  }
  // The parent has the server take its time with this one.
  await step('aborted', async (_, path) => {
    const controller = new AbortController()
    const opening = MappedFile.open(path, { signal: controller.signal }).then(
      () => 'opened',
      error => error.name,
    )
    await delay(20)
    controller.abort()
    const ended = await opening
    await delay(200)
    await untilReleased(path)
    return ended
  })
  await step('mmapRead', (name, path) => right(name, ({ offset, length }) => mmapRead(path, offset, length)))
  await step('mmapRead-whole', async (name, path) => {
    const bytes = await mmapRead(path)
    return servedBytes(`${name}${kind}`).equals(bytes) ? undefined : 'wrong bytes'
  })
  await step('mmapRead-later', async (_, path) => {
    // Past what is remembered of a path.
    for (let time = 0; time < 3; time++) {
      await mmapRead(path, 0, 100)
      await delay(50)
    }
  })
  await step('release', async (_, path) => {
    await mmapRead(path, 0, 100)
    mmapRead.release(path)
    await untilReleased(path)
  })
  await step('idle', async (_, path) => {
    await mmapRead(path, 0, 100, { idle: 50 })
    await untilReleased(path)
  })
  if (!isMainThread) await step('left-open', async (_, path) => void (await (await MappedFile.open(path)).read(0, 100)))
  mark(mountPoint, 'end')
}

/** Opens, reads, and lets nobody close. */
async function leave(path, method) {
  const file = await MappedFile.open(path)
  await file[method](0, 100)
}

if (isMainThread) mark(mountPoint, 'begin')
if (where === 'worker' && isMainThread) {
  // A worker gets the arguments of the process, save this one.
  await once(new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) }), 'exit')
  await untilReleased(pathOf('left-open'))
} else {
  await run()
  await collectGarbage()
  console.log(JSON.stringify(report))
}
