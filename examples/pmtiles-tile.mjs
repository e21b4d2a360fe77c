// Reads one tile of a PMTiles archive, with two short reads.
//
//   node examples/pmtiles-tile.mjs [ARCHIVE Z X Y]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MappedFile } from 'faultless'
import { pmtilesSource } from 'faultless/sources'
import { PMTiles, zxyToTileId } from 'pmtiles'
import { writeArchive } from './data/pmtiles.mjs'

const folder = mkdtempSync(join(tmpdir(), 'pmtiles-tile-'))
const [path = makeData(), z = 1, x = 1, y = 0] = process.argv.slice(2)

const file = await MappedFile.open(path)
try {
  const archive = new PMTiles(pmtilesSource(file))
  // The signal aborts the read. A server passes the signal of its request.
  const tile = await archive.getZxy(Number(z), Number(x), Number(y), AbortSignal.timeout(10_000))
  if (tile) console.log(`tile ${z}/${x}/${y}: ${tile.data.byteLength} bytes of ${file.byteLength}`)
  else console.log(`there is no tile ${z}/${x}/${y}`)
} finally {
  await file.close()
  rmSync(folder, { recursive: true })
}

function makeData() {
  const made = join(folder, 'small.pmtiles')
  const tiles = [0, 1].flatMap(z =>
    Array.from({ length: 4 ** z }, (_, i) => {
      const [x, y] = [i % 2, i >> 1]
      return { z, x, y, id: zxyToTileId(z, x, y), data: Buffer.alloc(1000 + 100 * i, `${z}/${x}/${y} `) }
    }),
  )
  writeArchive(
    made,
    tiles.sort((a, b) => a.id - b.id),
  )
  return made
}
