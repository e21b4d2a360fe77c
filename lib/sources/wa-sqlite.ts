// wa-sqlite: an SQLite database. Only the pages that a query needs are read.

import type { MappedFile } from '../mapped-file.js'
import { toFile } from './range.js'

/** The part of wa-sqlite's VFS that {@link waSqliteVfs} uses. */
export interface WaSqliteBase {
  /** Opens a file: the database, or a temporary one. */
  xOpen(name: string | null, fileId: number, flags: number, pOutFlags: DataView): number
  /** Closes a file. */
  xClose(fileId: number): number
  /** Fills `pData` from `iOffset` on. */
  xRead(fileId: number, pData: Uint8Array, iOffset: number): number
  /** The size of the file in bytes. */
  xFileSize(fileId: number, pSize64: DataView): number
  /** Whether a file of this name exists. */
  xAccess(name: string, flags: number, pResOut: DataView): number
  /** The properties of the file that SQLite may rely on. */
  xDeviceCharacteristics(fileId: number): number
  /** Suspends SQLite until the promise has settled; set by the Asyncify build. */
  handleAsync(run: () => Promise<number>): number
}

/** The properties that {@link waSqliteVfs} adds to the class. */
export interface WaSqliteVfs {
  /** The name of the VFS for `open_v2()`. */
  readonly name: string
  /** Why the last read failed; SQLite reports only "disk I/O error". */
  readonly lastError: Error | undefined
}

// As SQLite defines them.
const OK = 0
const IOERR_READ = 10 | (1 << 8)
const IOERR_SHORT_READ = 10 | (2 << 8)
const OPEN_READONLY = 0x1
const OPEN_MAIN_DB = 0x100
const IOCAP_IMMUTABLE = 0x2000

/**
 * A read-only VFS. Register it by `sqlite3.vfs_register(waSqliteVfs(file, Base))`, and open the database by
 * `sqlite3.open_v2('app.db', SQLITE_OPEN_READONLY, 'faultless')`; the file name does not matter. Nothing may write to
 * the database while it is open: it is read as immutable, without locks, and without its journal or its WAL.
 *
 * The Asyncify build reads pages that are not in memory on the thread pool. The synchronous build cannot wait, so such
 * a page is an error there; {@link MappedFile.lock} before the first query keeps all pages in memory.
 *
 * @param Base `Base` of `wa-sqlite/src/VFS.js`; or `MemoryVFS` of its examples, which keeps the temporary files of
 *   large sorts in memory
 * @param name the name of the VFS in SQLite
 */
export function waSqliteVfs<Base extends WaSqliteBase>(
  file: MappedFile,
  Base: new () => Base,
  name: string = 'faultless',
): Base & WaSqliteVfs {
  const from = toFile(file)
  class MappedVfs extends (Base as new () => WaSqliteBase) implements WaSqliteVfs {
    readonly name = name
    lastError: Error | undefined
    readonly #ours = new Set<number>()
    // Asyncify calls xRead() again when the read is done, and this second call must reach handleAsync() too.
    #waiting = false

    override xOpen(path: string | null, fileId: number, flags: number, pOutFlags: DataView): number {
      if (!(flags & OPEN_MAIN_DB)) return super.xOpen(path, fileId, flags, pOutFlags)
      this.#ours.add(fileId)
      pOutFlags.setInt32(0, OPEN_MAIN_DB | OPEN_READONLY, true)
      return OK
    }

    override xClose(fileId: number): number {
      return this.#ours.delete(fileId) ? OK : super.xClose(fileId)
    }

    override xRead(fileId: number, pData: Uint8Array, iOffset: number): number {
      if (!this.#ours.has(fileId)) return super.xRead(fileId, pData, iOffset)
      if (!this.#waiting) {
        try {
          const count = from.tryReadInto(pData, iOffset)
          if (count !== undefined) return filled(pData, count)
        } catch (error) {
          return this.#failed(error)
        }
        if (this.handleAsync === Base.prototype.handleAsync) {
          return this.#failed(
            new Error('the synchronous build of wa-sqlite cannot wait for the disk: lock() the file first'),
          )
        }
      }
      this.#waiting = !this.#waiting
      return this.handleAsync(() =>
        from.readInto(pData, iOffset).then(
          count => filled(pData, count),
          error => this.#failed(error),
        ),
      )
    }

    override xFileSize(fileId: number, pSize64: DataView): number {
      if (!this.#ours.has(fileId)) return super.xFileSize(fileId, pSize64)
      pSize64.setBigInt64(0, BigInt(from.byteLength), true)
      return OK
    }

    // SQLite checks for a journal and a WAL next to the database.
    override xAccess(_path: string, _flags: number, pResOut: DataView): number {
      pResOut.setInt32(0, 0, true)
      return OK
    }

    override xDeviceCharacteristics(fileId: number): number {
      return this.#ours.has(fileId) ? IOCAP_IMMUTABLE : super.xDeviceCharacteristics(fileId)
    }

    #failed(error: unknown): number {
      this.lastError = error as Error
      return IOERR_READ
    }
  }
  return new MappedVfs() as never
}

// SQLite requires zeros after the end of the file.
function filled(pData: Uint8Array, count: number): number {
  if (count === pData.byteLength) return OK
  pData.fill(0, count)
  return IOERR_SHORT_READ
}
