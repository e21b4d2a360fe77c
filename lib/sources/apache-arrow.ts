// apache-arrow: record batches of an Arrow IPC file, read one by one.

import type { FileHandle } from 'node:fs/promises'
import { pastEnd } from '../errors.js'
import type { MappedFile } from '../mapped-file.js'
import { toFile } from './range.js'

/**
 * For `RecordBatchReader.from(arrowFileHandle(file))`, which reads only the requested batches of the file. To read the
 * whole table, `tableFromIPC(await file.view())` copies nothing: its columns are the mapped bytes.
 *
 * The result has the type of a FileHandle of node:fs/promises, which arrow expects. It has only `stat`, `read` and
 * `close`, which arrow calls, and an `fd`, by which arrow recognizes a FileHandle and which is not a real descriptor.
 * Arrow calls `close()` after the last read; the file stays open.
 */
export function arrowFileHandle(file: MappedFile): FileHandle {
  const from = toFile(file)
  const handle = {
    fd: -1,
    async stat() {
      return { size: from.byteLength }
    },
    async read(buffer: Uint8Array, offset: number, length: number, position: number) {
      const bytesRead = await from.readInto(buffer.subarray(offset, offset + length), position)
      // Arrow repeats the read until it has all bytes. Without this error it would repeat for ever where the file has
      // become shorter.
      if (bytesRead < length) throw pastEnd(from.path, position, length, from.byteLength)
      return { bytesRead, buffer }
    },
    async close() {},
  }
  return handle as unknown as FileHandle
}
