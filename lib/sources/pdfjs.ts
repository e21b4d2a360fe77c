// pdf.js: pages of a PDF file, of which only the ranges that a page needs are read.

import type { MappedFile } from '../mapped-file.js'
import { toFile, wholeOf } from './range.js'

/** What of pdf.js' `PDFDataRangeTransport` {@link pdfjsTransport} uses. */
export interface PdfjsBase {
  /** Called by pdf.js. */
  requestDataRange(begin: number, end: number): void
  /** Gives pdf.js what it asked for. */
  onDataRange(begin: number, chunk: Uint8Array | null): void
  /** Called by pdf.js when the document is destroyed: reads that have not begun are given up. */
  abort(): void
}

/** What {@link pdfjsTransport} adds to the class that it is given. */
export interface PdfjsTransport {
  /** Why a range could not be read, of which pdf.js says only "Bad end offset". */
  readonly lastError: Error | undefined
}

/**
 * For `getDocument({ range: pdfjsTransport(file, PDFDataRangeTransport), disableAutoFetch: true })`. pdf.js wants a class derived from
 * its own, which is therefore handed in: this package does not depend on pdf.js. Destroying the document leaves the file open.
 *
 * Where a range cannot be read, what waits for it in pdf.js rejects, and `lastError` says why. Load the document again then: pdf.js never asks
 * for such a range a second time.
 *
 * @param PDFDataRangeTransport that of pdf.js
 */
export function pdfjsTransport<Base extends PdfjsBase>(
  file: MappedFile<ArrayBufferLike>,
  PDFDataRangeTransport: new (length: number, initialData: null) => Base,
): Base & PdfjsTransport {
  const from = toFile(file)
  const { byteLength } = from
  const aborting = new AbortController()
  class MappedTransport
    extends (PDFDataRangeTransport as new (length: number, initialData: null) => PdfjsBase)
    implements PdfjsTransport
  {
    lastError: Error | undefined

    override requestDataRange(begin: number, end: number): void {
      this.#read(begin, end).then(bytes => {
        if (!aborting.signal.aborted) this.onDataRange(begin, bytes)
      })
    }

    override abort(): void {
      aborting.abort()
    }

    async #read(begin: number, end: number): Promise<Uint8Array> {
      try {
        return new Uint8Array(await wholeOf(from, begin, end - begin, aborting.signal))
      } catch (error) {
        this.lastError = error as Error
        // pdf.js takes no error, and would wait for ever. It does reject where an answer ends elsewhere than a chunk or the file.
        return new Uint8Array(begin + 1 === byteLength ? 2 : 1)
      }
    }
  }
  return new MappedTransport(byteLength, null) as never
}
