// Reads a whole file on a slow disk in one of several ways, and tells for how long the event loop stood still meanwhile.
// slow-map.mjs WAY PATH SIZE prints { elapsed, stalled, sum }, in milliseconds.
import { open } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { peers } from './peers.mjs'

const PIECE = 64 << 10
const PAGE = 4096

const [way, path, bytes] = process.argv.slice(2)
const size = Number(bytes)

/** Each prepares, and answers with what reads all of the file, piece by piece. @type {Record<string, () => Promise<(use: (piece: Uint8Array) => void) => Promise<void>>>} */
const ways = {
  async index() {
    const { lane } = await peers['mmap-io, in place'].ranges({ path, size, length: size })
    return async use => use(lane().start(0))
  },
  async read() {
    const file = await mapped()
    return use => inPieces(async offset => use(await file.read(offset, PIECE)))
  },
  async view() {
    const file = await mapped()
    return use => inPieces(async offset => use(await file.view(offset, PIECE)))
  },
  async fs() {
    const file = await open(path)
    return use => inPieces(async offset => use((await file.read(Buffer.alloc(PIECE), 0, PIECE, offset)).buffer))
  },
}

const readAll = await ways[way]()
let sum = 0
let stalled = 0
let last = performance.now()
const ticks = setInterval(tick, 1)
await delay(20)
stalled = 0
const begun = performance.now()
await readAll(piece => {
  for (let offset = 0; offset < piece.length; offset += PAGE) sum += piece[offset]
})
const elapsed = performance.now() - begun
// What has held the loop until now shows in the next tick.
await delay(5)
clearInterval(ticks)
process.stdout.write(JSON.stringify({ elapsed, stalled, sum }))

function tick() {
  const now = performance.now()
  stalled = Math.max(stalled, now - last)
  last = now
}

async function inPieces(step) {
  for (let offset = 0; offset < size; offset += PIECE) await step(offset)
}

async function mapped() {
  const { MappedFile } = await import('faultless')
  return MappedFile.open(path)
}
