// One thread that does whatever the API allows to a few files, in random order and several at a time, and writes down what came of it.

import fs from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { MappedFile, mmapRead } from 'faultless'
import { KiB, seededNumbers } from '../helpers/files.mjs'
import { CELL, now, stamped } from './model.mjs'

const HANDLES = 6
const AT_ONCE = 5
const HELD = 12
/** Bytes of results that one actor writes down: judging more takes longer than the round. */
const ENOUGH = 24 * 1024 * KiB
/** Milliseconds after which a promise counts as one that never settles. */
const STUCK = 20_000

/** Memory that was transferred away; ArrayBuffer.prototype.detached is not there on Node 20. */
function isTaken({ buffer }) {
  try {
    new Uint8Array(buffer)
  } catch {
    return true
  }
}

const codeOf = error => (error.name === 'AbortError' ? error.name : (error.code ?? error.name))

/** Acts until the time is over, and closes all. @param {{ folder: string, names: string[], written: string[], log: string, seed: number, actor: number, without: string[], until: number }} options */
export async function act({ folder, names, written, log, seed, actor, without, until }) {
  const random = seededNumbers(seed)
  const below = limit => Math.floor(random() * limit)
  const pick = list => list[below(list.length)]
  const record = fs.openSync(log, 'a')
  const running = new Map()
  const handles = []
  const held = []
  let [calls, opened, logged] = [0, 0, 0]
  let version = (actor + 1) * 1_000_000

  const note = (what, bytes = Buffer.alloc(0)) => {
    logged += bytes.length
    fs.writevSync(record, [Buffer.from(`${JSON.stringify({ ...what, bytes: bytes.length })}\n`), bytes])
  }

  const watchdog = setInterval(() => {
    for (const [call, { since, ...what }] of running) {
      if (Date.now() - since < STUCK) continue
      note({ call, ...what, stuck: true })
      process.kill(process.pid, 'SIGKILL')
    }
  }, 1000)

  /** Makes one call, and notes its begin, its end, and what it gave: pairs of what was asked and the bytes. */
  async function called(what, run, { abortable = true } = {}) {
    const call = calls++
    const controller = abortable && random() < 0.1 ? new AbortController() : undefined
    const begin = now()
    note({ call, ...what, begin })
    running.set(call, { ...what, since: Date.now() })
    try {
      const answer = run(controller && { signal: controller.signal })
      if (controller) {
        // It may reject before it is awaited.
        Promise.resolve(answer).catch(() => {})
        if (random() < 0.5) await delay(below(3))
        controller.abort()
      }
      const results = (await answer) ?? []
      const end = now()
      const sizeAfter = handles.find(({ id }) => id === what.on)?.file.byteLength
      for (const { bytes, ...asked } of results)
        note({ call, ...what, sizeAfter, ...asked, begin, end, got: bytes.length, taken: isTaken(bytes) }, bytes)
      note({ call, method: what.method, ended: end })
      return results
    } catch (error) {
      note({
        call,
        ...what,
        begin,
        end: now(),
        error: codeOf(error),
        says: error.message,
        aborted: controller !== undefined,
      })
    } finally {
      running.delete(call)
    }
  }

  const range = ({ file }, most) => {
    const wanted = random() < 0.1 ? 300 * KiB : random() < 0.3 ? below(64 * KiB) : below(6 * KiB)
    const offset = random() < 0.05 ? file.byteLength - below(CELL) : below(file.byteLength + KiB)
    return { offset: Math.max(0, offset), wanted: Math.min(wanted, most ?? wanted) }
  }

  const about = (handle, asked) => ({ on: handle.id, size: handle.file.byteLength, ...asked })

  /** Results stay as they are, whatever becomes of others. */
  function hold(bytes, what) {
    held.push({ bytes, copy: Buffer.from(bytes), what })
    if (held.length > HELD) held.shift()
  }

  function lookAtHeld(but, after) {
    for (const { bytes, copy, what } of held) {
      if (bytes.buffer === but || bytes.equals(copy)) continue
      note({
        call: calls,
        method: 'held',
        wrong: `${what}: ${copy.length} bytes became ${bytes.length} others after ${after}`,
      })
    }
  }

  /** Somebody takes a result's memory, by one of the ways that the language has. */
  const transfers = {
    structuredClone: buffer => structuredClone(buffer, { transfer: [buffer] }),
    'a stream of bytes': buffer =>
      new ReadableStream({ type: 'bytes', start: controller => controller.enqueue(new Uint8Array(buffer)) }),
    ...(ArrayBuffer.prototype.transfer && { 'ArrayBuffer.prototype.transfer': buffer => buffer.transfer() }),
  }

  const reading = {
    async read(handle) {
      const { offset, wanted } = range(handle)
      const [result] =
        (await called(about(handle, { method: 'read', offset, wanted }), async options => [
          { bytes: await handle.file.read(offset, wanted, options) },
        ])) ?? []
      if (result) hold(result.bytes, 'read')
    },
    async slice(handle) {
      const { offset, wanted } = range(handle)
      const [result] =
        (await called(about(handle, { method: 'slice', offset, wanted }), async options => [
          { bytes: Buffer.from(await handle.file.slice(offset, offset + wanted, options)) },
        ])) ?? []
      if (result) hold(result.bytes, 'slice')
    },
    async readInto(handle) {
      const { offset, wanted } = range(handle)
      const target = Buffer.alloc(wanted)
      const meddled = random() < 0.1
      const done = called(about(handle, { method: 'readInto', offset, wanted, meddled }), async options => {
        const count = await handle.file.readInto(target, offset, options)
        return meddled ? [] : [{ bytes: target.subarray(0, count) }]
      })
      if (meddled) structuredClone(target.buffer, { transfer: [target.buffer] })
      await done
    },
    tryRead: handle => trying(handle, 'tryRead', ({ offset, wanted }) => handle.file.tryRead(offset, wanted)),
    tryReadInto: handle =>
      trying(handle, 'tryReadInto', ({ offset, wanted }) => {
        const target = Buffer.alloc(wanted)
        const count = handle.file.tryReadInto(target, offset)
        return count === undefined ? undefined : target.subarray(0, count)
      }),
    async readMany(handle) {
      const ranges = Array.from({ length: 1 + below(12) }, () => range(handle, 8 * KiB))
      await called(about(handle, { method: 'readMany', ranges }), async options => {
        const results = await handle.file.readMany(lengthsOf(ranges), options)
        return results.map((bytes, index) => ({ ...ranges[index], bytes }))
      })
    },
    async readManySettled(handle) {
      const ranges = Array.from({ length: 1 + below(12) }, () => range(handle, 8 * KiB))
      const refused = []
      await called(about(handle, { method: 'readManySettled', ranges }), async options => {
        const results = await handle.file.readManySettled(lengthsOf(ranges), options)
        return results.flatMap(({ value, reason }, index) => {
          if (reason) refused.push({ ...ranges[index], error: codeOf(reason) })
          return value ? [{ ...ranges[index], bytes: value }] : []
        })
      })
      for (const one of refused)
        note({
          call: calls,
          ...about(handle, { method: 'readManySettled' }),
          ...one,
          begin: 0,
          end: now(),
          aborted: true,
        })
    },
    async readManyInto(handle) {
      const wanted = 1 + below(2 * KiB)
      const offsets = Array.from({ length: 1 + below(8) }, () => below(Math.max(1, handle.file.byteLength - wanted)))
      const target = Buffer.alloc(offsets.length * wanted)
      await called(
        about(handle, { method: 'readManyInto', ranges: offsets.map(offset => ({ offset, wanted })) }),
        async options => {
          const size = handle.file.byteLength
          const count = await handle.file.readManyInto(target, offsets, wanted, options)
          let at = 0
          const parts = offsets.map(offset => {
            const length = Math.max(0, Math.min(wanted, size - offset))
            at += length
            return { offset, wanted, bytes: target.subarray(at - length, at) }
          })
          return at === count ? parts : [{ offset: 0, wanted: at, bytes: target.subarray(0, count) }]
        },
      )
    },
    async view(handle) {
      const { offset, wanted } = range(handle)
      const since = now()
      let view
      await called(about(handle, { method: 'view', offset, wanted, view: true }), async options => {
        view = await handle.file.view(offset, wanted, options)
        return [{ bytes: Buffer.from(view) }]
      })
      if (view?.length > 0) handle.views.push({ offset, view, since })
      if (handle.views.length > 4) handle.views.shift()
    },
    tryView: handle =>
      trying(handle, 'tryView', ({ offset, wanted }) => handle.file.tryView(offset, wanted), { view: true }),
    async look(handle) {
      if (handle.views.length === 0) return
      const { offset, view, since } = pick(handle.views)
      await called(
        {
          on: handle.id,
          method: 'look',
          offset,
          wanted: view.length,
          size: offset + view.length,
          view: true,
          since,
          copy: view.length === view.buffer.byteLength,
        },
        () => [{ bytes: Buffer.from(view) }],
      )
    },
    async chunks(handle) {
      const { offset, wanted } = range(handle)
      await called(about(handle, { method: 'chunks', offset, wanted, view: true, several: true }), async options => {
        const results = []
        let left = false
        let at = offset
        for await (const chunk of handle.file.chunks({
          start: offset,
          end: offset + wanted,
          chunkSize: 1 + below(20 * KiB),
          ...options,
        })) {
          results.push({ offset: at, wanted: chunk.length, size: at + chunk.length, bytes: Buffer.from(chunk) })
          at += chunk.length
          left = random() < 0.05
          if (left) break
        }
        if (!left) results.push(restOf(offset, wanted, at))
        return results
      })
    },
    async createReadStream(handle) {
      const { offset, wanted } = range(handle)
      if (wanted === 0) return
      await called(about(handle, { method: 'createReadStream', offset, wanted, several: true }), async options => {
        const results = []
        let at = offset
        const stream = handle.file.createReadStream({
          start: offset,
          end: offset + wanted - 1,
          highWaterMark: 1 + below(20 * KiB),
          ...options,
        })
        for await (const chunk of stream) {
          results.push({ offset: at, wanted: chunk.length, size: at + chunk.length, bytes: Buffer.from(chunk) })
          at += chunk.length
        }
        results.push(restOf(offset, wanted, at))
        return results
      })
    },
  }

  /** Who gets fewer bytes has read none where the file ends. */
  const restOf = (offset, wanted, at) => ({ offset: at, wanted: offset + wanted - at, bytes: Buffer.alloc(0) })

  const lengthsOf = ranges => ranges.map(({ offset, wanted }) => ({ offset, length: wanted }))

  const trying = (handle, method, run, more) => {
    const asked = range(handle, 16 * KiB)
    return called(
      about(handle, { method, ...asked, ...more }),
      () => {
        const bytes = run(asked)
        return bytes === undefined ? [] : [{ bytes: Buffer.from(bytes) }]
      },
      { abortable: false },
    )
  }

  const doing = (method, run) => async handle => {
    const { offset, wanted } = range(handle)
    await called(
      about(handle, { method, offset, wanted }),
      async options => void (await run(handle.file, offset, wanted, options)),
      {
        abortable: method === 'prefault',
      },
    )
  }

  const acting = {
    prefault: doing('prefault', (file, offset, wanted, options) => file.prefault(offset, wanted, options)),
    advise: doing('advise', (file, offset, wanted) =>
      file.advise(pick(['dontneed', 'dontneed', 'willneed', 'random', 'sequential', 'normal']), offset, wanted),
    ),
    lock: doing('lock', (file, offset, wanted) => file.lock(offset, wanted)),
    unlock: doing('unlock', (file, offset, wanted) => file.unlock(offset, wanted)),
    residency: doing('residency', (file, offset, wanted) => file.residency(offset, wanted)),
    flush: doing('flush', (file, offset, wanted) => (file.flags === 'r+' ? file.flush(offset, wanted) : undefined)),
    async refresh(handle) {
      await called(
        { on: handle.id, method: 'refresh' },
        async () => {
          const begin = now()
          const refreshed = await handle.file.refresh()
          note({ on: handle.id, method: 'refresh', begin, end: now(), refreshed })
        },
        { abortable: false },
      )
    },
    async close(handle) {
      handles.splice(handles.indexOf(handle), 1)
      note({ closing: handle.id })
      await called({ on: handle.id, method: 'close' }, async () => void (await handle.file.close()), {
        abortable: false,
      })
    },
  }

  const writing = {
    async write(handle) {
      const from = below(handle.file.byteLength / CELL + 4) * CELL
      const to = from + (1 + below(random() < 0.1 ? 200 : 16)) * CELL
      const mine = ++version
      const what = { on: handle.id, method: 'write', op: 'write', from, to, version: mine }
      await called(
        what,
        async () => void (await handle.file.write(stamped(mine, from / CELL, (to - from) / CELL), from)),
        { abortable: false },
      )
      if (random() < 0.5)
        await called(
          { on: handle.id, method: 'flush', offset: from, wanted: to - from },
          async () => void (await handle.file.flush(from, to - from)),
          { abortable: false },
        )
    },
    async store(handle) {
      const from = below(handle.file.byteLength / CELL) * CELL
      const to = Math.min(from + (1 + below(16)) * CELL, Math.floor(handle.file.byteLength / CELL) * CELL)
      if (to <= from) return
      const mine = ++version
      let view
      await called(
        { on: handle.id, method: 'view', offset: from, wanted: to - from },
        async () => {
          view = await handle.file.view(from, to - from)
        },
        { abortable: false },
      )
      if (view?.length !== to - from) return
      // Who calls a store lost hears of it from flush(): what that has resolved for is in the file.
      const what = { on: handle.id, method: 'store and flush', op: 'store', from, to, version: mine }
      await called(
        what,
        async () => {
          stamped(mine, from / CELL, (to - from) / CELL).copy(view)
          await handle.file.flush(from, to - from)
        },
        { abortable: false },
      )
    },
  }

  const anywhere = {
    async open() {
      if (handles.length >= HANDLES) return
      const name = pick(names)
      const mode = written.includes(name) && random() < 0.6 ? 'r+' : 'r'
      const id = `${actor}-${opened++}`
      const byHandle = mode === 'r+' || random() < 0.3
      await called({ opens: id, method: 'open', name, mode, byHandle }, async options => {
        const begin = now()
        const source = byHandle ? await fs.promises.open(join(folder, name), mode) : join(folder, name)
        try {
          const ino = byHandle ? (await source.stat()).ino : undefined
          const file = await MappedFile.open(source, { flags: mode, ...options })
          note({ on: id, method: 'open', opened: true, name, ino, begin, end: now(), refreshed: file.byteLength })
          handles.push({ id, file, views: [] })
        } finally {
          if (byHandle) await source.close()
        }
      })
    },
    async mmapRead() {
      const name = pick(names)
      const offset = below(256 * KiB)
      const wanted = below(random() < 0.2 ? 200 * KiB : 6 * KiB)
      await called({ name, method: 'mmapRead', offset, wanted, byPath: true }, async options => [
        { bytes: await mmapRead(join(folder, name), offset, wanted, options) },
      ])
    },
    async release() {
      mmapRead.release(random() < 0.5 ? join(folder, pick(names)) : undefined)
    },
    /** What node:fs itself reads: where this is wrong, the model is. */
    async 'fs.readSync'() {
      const name = pick(names)
      const [offset, wanted] = [below(256 * KiB), below(16 * KiB)]
      await called(
        { name, method: 'fs.readSync', offset, wanted, byPath: true },
        () => {
          const fd = fs.openSync(join(folder, name))
          try {
            const target = Buffer.alloc(wanted)
            return [{ bytes: target.subarray(0, fs.readSync(fd, target, 0, wanted, offset)) }]
          } finally {
            fs.closeSync(fd)
          }
        },
        { abortable: false },
      )
    },
    async transfer() {
      if (held.length === 0) return
      const { bytes, what } = pick(held)
      const [name, transfer] = pick(Object.entries(transfers))
      const { buffer } = bytes
      // Results that share memory say so in the documentation: then they go together.
      try {
        transfer(buffer)
      } catch {
        // Nobody got it, and nobody lost it.
        lookAtHeld(undefined, `a refused transfer of the result of ${what} by ${name}`)
        return
      }
      lookAtHeld(buffer, `a transfer of the result of ${what} by ${name}`)
      for (let index = held.length - 1; index >= 0; index--)
        if (held[index].bytes.buffer === buffer) held.splice(index, 1)
    },
  }

  for (const kind of [reading, acting, writing, anywhere]) for (const name of without) delete kind[name]
  const steps = [
    ...Object.values(anywhere).map(act => () => act()),
    () => anywhere.open(),
    ...[...Object.values(reading), ...Object.values(reading), ...Object.values(acting)].map(
      act => () => handles.length > 0 && act(pick(handles)),
    ),
    ...[...Object.values(writing), ...Object.values(writing)].map(act => () => {
      const writable = handles.filter(({ file }) => file.flags === 'r+')
      return writable.length > 0 && act(pick(writable))
    }),
  ]
  while (Date.now() < until && logged < ENOUGH) {
    await Promise.all(Array.from({ length: 1 + below(AT_ONCE) }, () => pick(steps)()))
    lookAtHeld(undefined, 'reads')
    if (random() < 0.2) await delay(below(4))
  }
  for (const handle of [...handles]) await acting.close(handle)
  mmapRead.release()
  note({ finished: true })
  clearInterval(watchdog)
}

if (parentPort && workerData?.actor !== undefined) await act(workerData)
