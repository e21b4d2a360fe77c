// write(): copies the bytes of a caller to the file through scratch memory, piece by piece.

import { outOfRange } from './errors.js'
import { SCRATCH_BYTES } from './limits.js'
import { onPool } from './pool.js'
import type { Queue } from './queue.js'
import { giveScratch, takeScratch } from './scratch.js'
import { copyTo, sizeOf } from './targets.js'

/**
 * Writes the bytes. The pool only sees copies, so a buffer that is resized or transferred during the write only loses
 * the rest of the write. The first piece, of up to 1 MiB, is copied before this returns.
 */
export function writeBytes(queue: Queue, bytes: Uint8Array, offset: number): Promise<void> {
  const total = sizeOf(bytes)
  return queue.during(async () => {
    let done = 0
    do {
      const length = Math.min(SCRATCH_BYTES, total - done)
      if (done + length > sizeOf(bytes)) {
        throw outOfRange('data.byteLength', 'as large as it was when the write began', sizeOf(bytes))
      }
      const scratch = takeScratch()
      const piece = scratch.subarray(0, length)
      copyTo(piece, 0, bytes, done, length)
      const at = done
      try {
        await onPool(() => queue.native.write(piece, offset + at))
      } finally {
        giveScratch(scratch)
      }
      done += length
    } while (done < total)
  })
}
