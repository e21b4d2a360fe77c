// pdf.js: pages of a PDF file. Only the ranges that a page needs are read.

import type { MappedFile } from '../mapped-file.js'
import { toFile, wholeOf } from './range.js'

/** The part of the `PDFDataRangeTransport` of pdf.js that {@link pdfjsTransport} uses. */
export interface PdfjsBase {
  /** pdf.js calls it to request a range. */
  requestDataRange(begin: number, end: number): void
  /** Gives pdf.js a range that it requested. */
  onDataRange(begin: number, chunk: Uint8Array | null): void
  /** pdf.js calls it when the document is destroyed: reads that have not begun are cancelled. */
  abort(): void
}

/** The properties that {@link pdfjsTransport} adds to the class of pdf.js. */
export interface PdfjsTransport {
  /** Why a range could not be read; pdf.js reports only "Bad end offset". */
  readonly lastError: Error | undefined
}

/**
 * For `getDocument({ range: pdfjsTransport(file, PDFDataRangeTransport), disableAutoFetch: true })`. pdf.js requires a
 * class that is derived from its own. Pass that class: this package does not depend on pdf.js. Destroying the document
 * leaves the file open.
 *
 * Where a range cannot be read, the promises of pdf.js that need it reject, and `lastError` has the reason. Load the
 * document again then: pdf.js never requests such a range a second time.
 *
 * @param PDFDataRangeTransport the class of pdf.js
 */
export function pdfjsTransport<Base extends PdfjsBase>(
  file: MappedFile,
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
        // pdf.js accepts no error, and would wait for ever. It does reject where an answer ends neither with a chunk
        // nor with the file.
        return new Uint8Array(begin + 1 === byteLength ? 2 : 1)
      }
    }
  }
  return new MappedTransport(byteLength, null) as never
}
