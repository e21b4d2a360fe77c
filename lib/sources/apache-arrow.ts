// apache-arrow: record batches of an Arrow IPC file, read one by one.

import type { FileHandle } from 'node:fs/promises'
import { pastEnd } from '../errors.js'
import type { MappedFile } from '../mapped-file.js'
import { toFile } from './range.js'

/**
 * For `RecordBatchReader.from(arrowFileHandle(file))`, which reads of the file only the batches that are asked for. Where
 * the whole table is wanted, `tableFromIPC(await file.view())` copies nothing: its columns are the mapped bytes.
 *
 * Arrow takes a FileHandle of node:fs/promises, and so this has that type; it has `stat`, `read` and `close`, which are what
 * arrow calls, and a `fd` by which arrow knows it, and which leads nowhere. `close()`, which arrow calls when it has read
 * all, leaves the file open.
 */
export function arrowFileHandle(file: MappedFile<ArrayBufferLike>): FileHandle {
  const from = toFile(file)
  const handle = {
    fd: -1,
    async stat() {
      return { size: from.byteLength }
    },
    async read(buffer: Uint8Array, offset: number, length: number, position: number) {
      const bytesRead = await from.readInto(buffer.subarray(offset, offset + length), position)
      // Arrow asks again until it has all, and so would for ever, where a file has become shorter.
      if (bytesRead < length) throw pastEnd(from.path, position, length, from.byteLength)
      return { bytesRead, buffer }
    },
    async close() {},
  }
  return handle as unknown as FileHandle
}
