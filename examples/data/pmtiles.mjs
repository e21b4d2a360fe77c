// Writes a small PMTiles archive (version 3: https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md).
import { writeFileSync } from 'node:fs'

const HEADER_BYTES = 127
const UNCOMPRESSED = 1

/** @param {{ z: number, x: number, y: number, id: number, data: Uint8Array }[]} tiles in the order of their ids */
export function writeArchive(path, tiles, metadata = {}) {
  const columns = [
    tiles.map(({ id }, i) => id - (i > 0 ? tiles[i - 1].id : 0)),
    tiles.map(() => 1), // run lengths
    tiles.map(({ data }) => data.length),
    tiles.map((_, i) => (i === 0 ? 1 : 0)), // offsets plus one; 0 follows the tile before
  ]
  const directory = Buffer.from([tiles.length, ...columns.flat()].flatMap(varint))
  const json = Buffer.from(JSON.stringify(metadata))
  const parts = [directory, json, Buffer.alloc(0), Buffer.concat(tiles.map(({ data }) => data))]

  const header = Buffer.alloc(HEADER_BYTES)
  header.write('PMTiles\x03', 'latin1')
  let offset = HEADER_BYTES
  for (const [i, part] of parts.entries()) {
    header.writeBigUInt64LE(BigInt(offset), 8 + 16 * i)
    header.writeBigUInt64LE(BigInt(part.length), 16 + 16 * i)
    offset += part.length
  }
  for (const at of [72, 80, 88]) header.writeBigUInt64LE(BigInt(tiles.length), at)
  header.set([1, UNCOMPRESSED, UNCOMPRESSED, 0], 96) // clustered; of no known type
  header[101] = Math.max(...tiles.map(({ z }) => z))
  writeFileSync(path, Buffer.concat([header, ...parts]))
}

function varint(value) {
  const bytes = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  return [...bytes, value]
}
