// mmdb-lib looks addresses up in a view, which is in memory before it is handed out.

import fs from 'node:fs'
import { MappedFile } from 'faultless'
import { Reader } from 'mmdb-lib'
import { unless } from '../helpers/rig.mjs'
import { noSharedData, sharedData } from '../helpers/shared-data.mjs'

const addresses = [
  '2.125.160.216',
  '81.2.69.160',
  '89.160.20.112',
  '1.128.0.0',
  '12.81.92.1',
  '2001:220::1',
  '10.0.0.1',
  '::1',
]

unless(noSharedData)('the same answers as from a Buffer of readFile', async t => {
  let found = 0
  for (const path of ['GeoIP2-City-Test.mmdb', 'GeoIP2-ISP-Test.mmdb'].map(sharedData)) {
    const file = await MappedFile.open(path)
    const ours = new Reader(await file.view())
    const theirs = new Reader(fs.readFileSync(path))
    t.deepEqual(ours.metadata, theirs.metadata)
    await file.close()
    for (const address of addresses) {
      const answer = ours.get(address)
      t.deepEqual(answer, theirs.get(address), address)
      found += answer ? 1 : 0
    }
  }
  t.is(found, 8)
})
