// Programs as users write them, each over a file that is read in several ways: tiles of a map, rows of a table, lines of a log.
import { createReadStream, openSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { PMTiles, zxyToTileId } from 'pmtiles'
import { writeArchive } from '../../examples/data/pmtiles.mjs'
import { MiB } from '../harness/cells.mjs'
import { loadPeer } from '../harness/peers.mjs'
import { seededRandom } from '../harness/random.mjs'
import { watchDelay } from './delay.mjs'

const ROWS_OF_GROUP = 1000
const LINE = 100
const EACH = 10
const tileOf = (z, x, y) => Buffer.alloc(20_000, `${z}/${x}/${y} `)
const arrayBufferOf = bytes => bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)

/** How a file is read: `range` answers with a promise of bytes, `pieces` with all of it in order, `as` with what a library takes. */
const WAYS = {
  async fs(path) {
    const handle = await open(path)
    const { size } = await handle.stat()
    const range = async (offset, length) => (await handle.read(Buffer.alloc(length), 0, length, offset)).buffer
    return { size, range, pieces: () => createReadStream(path, { highWaterMark: MiB }), close: () => handle.close() }
  },
  async 'mmap-io'(path) {
    const handle = await open(path)
    const { size } = await handle.stat()
    const loaded = loadPeer('@riaskov/mmap-io')
    const io = loaded.default ?? loaded
    const mapped = io.map(size, io.PROT_READ, io.MAP_SHARED, openSync(path), 0, io.MADV_NORMAL)
    const range = async (offset, length) => mapped.subarray(offset, offset + length)
    async function* pieces() {
      for (let at = 0; at < size; at += MiB) yield mapped.subarray(at, Math.min(at + MiB, size))
    }
    return { size, range, pieces, close: () => handle.close() }
  },
  async faultless(path) {
    const { MappedFile } = await import('faultless')
    const file = await MappedFile.open(path)
    const range = (offset, length) => file.read(offset, length)
    return {
      size: file.byteLength,
      range,
      pieces: () => file.chunks({ chunkSize: MiB }),
      file,
      close: () => file.close(),
    }
  },
}

/** Each writes its file, and does one thing after the other with it: `once` resolves when its answer was right. */
export const APPS = {
  tiles: {
    title: 'a tile of a PMTiles archive',
    write(path, { zoom }) {
      const tiles = Array.from({ length: 4 ** zoom }, (_, i) => {
        const [x, y] = [i % 2 ** zoom, Math.floor(i / 2 ** zoom)]
        return { z: zoom, x, y, id: zxyToTileId(zoom, x, y), data: tileOf(zoom, x, y) }
      })
      writeArchive(
        path,
        tiles.sort((a, b) => a.id - b.id),
      )
    },
    async start(source, { zoom }, random) {
      const getBytes = async (offset, length) => ({
        data: arrayBufferOf(await source.range(offset, Math.min(length, source.size - offset))),
      })
      const own = { getKey: () => 'tiles', getBytes }
      const archive = new PMTiles(source.file ? (await import('faultless/sources')).pmtilesSource(source.file) : own)
      return async () => {
        const [x, y] = [random(), random()].map(part => Math.floor(part * 2 ** zoom))
        const { data } = await archive.getZxy(zoom, x, y)
        check(Buffer.from(data).equals(tileOf(zoom, x, y)), `tile ${x}/${y}`)
      }
    },
  },
  parquet: {
    title: 'a row of a Parquet file',
    write(path, { rows }) {
      const columnData = [
        { name: 'id', data: Array.from({ length: rows }, (_, id) => id), type: 'INT32' },
        { name: 'name', data: Array.from({ length: rows }, (_, id) => `row ${id}`), type: 'STRING' },
      ]
      writeFileSync(path, Buffer.from(parquetWriteBuffer({ columnData, rowGroupSize: ROWS_OF_GROUP })))
    },
    async start(source, { rows }, random) {
      const slice = async (start, end = source.size) => arrayBufferOf(await source.range(start, end - start))
      const file = source.file ?? { byteLength: source.size, slice }
      const metadata = await parquetMetadataAsync(file)
      return async () => {
        const id = Math.floor(random() * rows)
        const [row] = await parquetReadObjects({ file, metadata, rowStart: id, rowEnd: id + 1 })
        check(row.name === `row ${id}`, `row ${id}`)
      }
    },
  },
  log: {
    title: 'a log scanned for lines with an error',
    write: (path, { lines }) =>
      writeFileSync(
        path,
        Array.from({ length: lines }, (_, line) => (line % EACH ? '-' : 'E').padEnd(LINE - 1, '.')).join('\n'),
      ),
    start:
      (source, { lines }) =>
      async () => {
        let found = 0
        for await (const bytes of source.pieces())
          for (let at = bytes.indexOf(69); at >= 0; at = bytes.indexOf(69, at + 1)) found += 1
        check(found === Math.ceil(lines / EACH), `${found} lines`)
      },
  },
}

function check(right, answer) {
  if (!right) throw new Error(`wrong answer: ${answer}`)
}

/** @param {{ app: string, way: string, path: string, size: object, cold: boolean }} task `cold`: nothing of the file is read before */
export async function app({ app: name, way, path, size, cold }) {
  const source = await WAYS[way](path)
  const once = await APPS[name].start(source, size, seededRandom(1))
  if (!cold) await once()
  return {
    async measure({ milliseconds }) {
      const watched = watchDelay()
      const times = []
      const begun = performance.now()
      while (performance.now() - begun < milliseconds) {
        const start = performance.now()
        await once()
        times.push(performance.now() - start)
        // As where requests come from outside: others get their turn.
        await new Promise(resolve => setImmediate(resolve))
      }
      const elapsed = performance.now() - begun
      const { delay } = watched()
      times.sort((a, b) => a - b)
      const at = share => times[Math.floor((times.length - 1) * share)]
      return {
        rate: (1000 * times.length) / elapsed,
        p50: at(0.5),
        p99: at(0.99),
        delay,
        resident: process.memoryUsage.rss(),
      }
    },
    close: () => source.close(),
  }
}
