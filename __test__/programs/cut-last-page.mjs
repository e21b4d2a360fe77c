// Cuts files inside their last page and lets them grow again, one after the other, until it is killed.
// cut-last-page.mjs SIZE PATH...

import fs from 'node:fs'

const [size, ...paths] = process.argv.slice(2).map((word, index) => (index ? word : Number(word)))
const tail = Buffer.alloc(4096, 0x55)
const files = paths.map(path => fs.openSync(path, 'r+'))
const pause = new Int32Array(new SharedArrayBuffer(4))
console.log('ready')
for (;;) {
  // To a little, then to more: XFS writes what is between to the disk, between zeroing what is cut and telling the new size.
  for (const left of [100, 2000]) {
    for (const file of files) {
      fs.ftruncateSync(file, size - 4096 + left)
      Atomics.wait(pause, 0, 0, 0.2)
      fs.writeSync(file, tail, 0, 4096, size - 4096)
    }
    Atomics.wait(pause, 0, 0, 0.2)
  }
}
