// Cuts a file while it is used in one way, named by the first argument, and prints what became of it.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { deflate, inflateSync } from 'node:zlib'
import { MappedFile, mmapRead } from 'faultless'
import { MiB, PAGE, seededBytes, seededFile } from '../helpers/files.mjs'
import { mappingCount } from '../helpers/process-size.mjs'

const [way, folder, kept] = process.argv.slice(2)
const size = 16 * MiB
const left = Number(kept)
const path = seededFile(folder, size)
const original = seededBytes(size)
const TRUNCATED = 'ERR_FILE_TRUNCATED'

const otherPath = seededFile(folder, MiB, 2)
const other = await MappedFile.open(otherPath)

/** Whether these are the file's bytes from `offset` on. */
const right = (bytes, offset) => original.subarray(offset, offset + bytes.length).equals(bytes)

/** Whether a view shows all of what is left, and of what was lost the bytes that were there, or zeros. */
function honest(view) {
  if (!right(view.subarray(0, left), 0) || view.length !== size) return false
  for (let at = left; at < size; at++) if (view[at] !== 0 && view[at] !== original[at]) return false
  return true
}

const ways = {
  /** Reads of every kind on their way to the pool while the file is cut. */
  async reads() {
    const outcomes = { right: 0, truncated: 0, wrong: 0 }
    const settle = async (begin, offset) => {
      try {
        outcomes[right(await begin(offset), offset) ? 'right' : 'wrong']++
      } catch (error) {
        outcomes[error.code === TRUNCATED ? 'truncated' : 'wrong']++
      }
    }
    const file = await MappedFile.open(path)
    const begin = [
      offset => file.read(offset, 900_000),
      async offset => {
        const target = Buffer.alloc(900_000)
        return target.subarray(0, await file.readInto(target, offset))
      },
      async offset =>
        Buffer.concat(await file.readMany([0, 1, 2].map(n => ({ offset: offset + n * 9000, length: 9000 })))),
      offset => file.read(offset, 700, { signal: new AbortController().signal }),
      async offset => Buffer.from(await file.slice(offset, offset + 500_000)),
    ]
    const reading = []
    for (let index = 0; index < 150; index++) reading.push(settle(begin[index % 5], (index * 104_729) % (size - MiB)))
    await Promise.all([delay(1).then(() => fs.promises.truncate(path, left)), ...reading])
    // Whatever happened on the way: what is gone now is refused by each.
    const after = await Promise.all(
      begin.map(each =>
        each(size - MiB)
          .then(() => 'resolved')
          .catch(error => error.code),
      ),
    )
    const rest = left === 0 || right(await file.read(0, left), 0)
    await file.close()
    return { wrong: outcomes.wrong, after: [...new Set(after)], rest }
  },

  /** A view that is digested, compressed on the pool, and copied, once cut and once while it is being cut. */
  async view() {
    const file = await MappedFile.open(path)
    const view = await file.view()
    const compressing = promisify(deflate)(view, { level: 1 })
    await fs.promises.truncate(path, left)
    const digest = createHash('sha256').update(view).digest('hex')
    const expected = Buffer.alloc(size)
    original.copy(expected, 0, 0, left)
    const compressed = inflateSync(await compressing)
    view[size - 1] = 1
    const written = view[size - 1]
    view[size - 1] = 0
    await file.close()
    return {
      digest: digest === createHash('sha256').update(expected).digest('hex'),
      deflate: honest(compressed),
      copy: expected.equals(Buffer.from(view)),
      written,
    }
  },

  /** A socket that is written a view that has been cut, and one that is cut meanwhile: right bytes or an error. */
  async socket() {
    const outcomes = []
    for (const before of [true, false]) {
      fs.writeFileSync(path, original)
      const file = await MappedFile.open(path)
      const view = await file.view()
      const received = []
      const server = createServer(socket => {
        socket.on('error', () => {})
        socket.on('data', data => received.push(data))
      }).listen(0)
      await once(server, 'listening')
      if (before) fs.truncateSync(path, left)
      const socket = connect(server.address().port)
      let failed
      socket.on('error', error => {
        failed = error.code
      })
      const closed = new Promise(resolve => socket.on('close', resolve))
      socket.end(view)
      if (!before) await fs.promises.truncate(path, left)
      await closed
      server.close()
      const bytes = Buffer.concat(received)
      const whole = bytes.length === size && honest(bytes)
      outcomes.push(whole || (failed === 'EFAULT' && right(bytes.subarray(0, left), 0)))
      await file.close()
    }
    return { outcomes }
  },

  /** chunks() half way through the file. */
  async chunks() {
    const file = await MappedFile.open(path)
    let [position, code, wrong] = [0, undefined, 0]
    try {
      for await (const chunk of file.chunks({ chunkSize: MiB / 2, readAhead: MiB })) {
        if (!right(chunk.subarray(0, Math.max(0, left - position)), position)) wrong++
        if (position < 8 * MiB && !right(chunk, position)) wrong++
        position += chunk.length
        if (position === 8 * MiB) fs.truncateSync(path, left)
      }
    } catch (error) {
      code = error.code
    }
    await file.close()
    return { code, wrong, early: position < size }
  },

  /** Four workers read by every method, and view, while the file shrinks and shrinks. */
  async workers() {
    const entry = new URL('./cut-reader.mjs', import.meta.url)
    const workers = [0, 1, 2, 3].map(number => new Worker(entry, { workerData: { path, number } }))
    await Promise.all(workers.map(worker => once(worker, 'message')))
    const from = Math.max(left, 12 * MiB + 77)
    for (let step = 0; step <= 20; step++) {
      fs.truncateSync(path, Math.round(from + ((left - from) * step) / 20))
      await delay(5)
    }
    const answers = workers.map(worker => once(worker, 'message'))
    for (const worker of workers) worker.postMessage('stop')
    const told = (await Promise.all(answers)).map(([answer]) => answer)
    await Promise.all(workers.map(worker => worker.terminate()))
    return {
      wrong: told.flatMap(({ wrong }) => wrong),
      truncated: told.every(({ truncated }) => truncated > 0),
      right: told.every(({ right }) => right > 0),
    }
  },

  /** Cut, and grown again to what it was, with other bytes: by then only refresh() knows. */
  async grown() {
    const file = await MappedFile.open(path)
    const view = await file.view()
    await file.read()
    fs.truncateSync(path, left)
    const lost = view[size - 1]
    const refused = (await file.read(size - 10, 10).catch(error => error)).code
    const fresh = seededBytes(size, 5)
    fs.writeFileSync(path, fresh)
    const length = await file.refresh()
    const results = [await file.read(), await file.view(), await mmapRead(path), file.tryRead(0, 1000)]
    const target = Buffer.alloc(size)
    await file.readInto(target)
    const oldView = left === 0 ? true : fresh.subarray(0, left).equals(view.subarray(0, left))
    await file.close()
    return {
      lost,
      refused,
      length,
      fresh: [...results, target].every(bytes => fresh.subarray(0, bytes.length).equals(bytes)),
      oldView,
    }
  },

  /** 100,000 lost pages touched with gaps between them, from the last to the first and then forwards. */
  async strided() {
    const pages = 200_000
    fs.truncateSync(path, 0)
    fs.truncateSync(path, pages * PAGE)
    const file = await MappedFile.open(path)
    const view = await file.view()
    fs.truncateSync(path, left)
    let sum = 0
    for (let page = pages - 1; page > left / PAGE; page -= 2) sum += view[page * PAGE]
    for (let page = pages - 2; page > left / PAGE; page -= 2) sum += view[page * PAGE]
    await file.close()
    return { sum, few: mappingCount() < 1000 }
  },
}

const result = await ways[way]()
const bystander = (await other.read()).equals(seededBytes(MiB, 2)) && (await other.view()).equals(seededBytes(MiB, 2))
const reopened = await MappedFile.open(path)
const again = (await reopened.read()).length === fs.statSync(path).size
console.log(JSON.stringify({ ...result, bystander, again }))
