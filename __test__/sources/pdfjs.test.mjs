// pdf.js reads pages through a MappedFile, and of the file only what these need.

import fs from 'node:fs'
import { MappedFile } from 'faultless'
import { pdfjsTransport } from 'faultless/sources'
import { temporaryFolder } from '../helpers/files.mjs'
import { pages, pdfFile } from '../helpers/pdf.mjs'
import { peer, withPeers } from '../helpers/peers.mjs'
import { untilReleased } from '../helpers/process.mjs'

const PDFJS = 'pdfjs-dist/legacy/build/pdf.mjs'
const options = { disableAutoFetch: true, rangeChunkSize: 16_384, verbosity: 0 }

const textOf = async (document, page) => {
  const { items } = await (await document.getPage(page)).getTextContent()
  return items.map(({ str }) => str).join('')
}

withPeers('pdfjs-dist')('pages are read by ranges, and the file is left open', async t => {
  const { getDocument, PDFDataRangeTransport } = await peer(PDFJS)
  const path = pdfFile(temporaryFolder(t))
  const file = await MappedFile.open(path)
  let read = 0
  file.slice = (start, end, more) => {
    read += end - start
    return MappedFile.prototype.slice.call(file, start, end, more)
  }
  const range = pdfjsTransport(file, PDFDataRangeTransport)
  const task = getDocument({ range, ...options })
  const document = await task.promise
  t.is(document.numPages, pages.length)
  for (const page of [1, 20, 7]) t.is(await textOf(document, page), pages[page - 1])
  t.true(read > 0 && read < file.byteLength / 2, `${read} of ${file.byteLength} bytes`)
  await task.destroy()
  t.false(file.closed)
  t.is(range.lastError, undefined)
  await file.close()
  await untilReleased(path)
})

withPeers('pdfjs-dist')('a range that cannot be read rejects, where pdf.js would wait for ever', async t => {
  const { getDocument, PDFDataRangeTransport } = await peer(PDFJS)
  const path = pdfFile(temporaryFolder(t))
  const file = await MappedFile.open(path)
  const range = pdfjsTransport(file, PDFDataRangeTransport)
  const task = getDocument({ range, ...options })
  const document = await task.promise
  fs.truncateSync(path, 200_000)
  await t.throwsAsync(textOf(document, 13), { any: true, message: /Bad end offset/ })
  t.is(range.lastError.code, 'ERR_FILE_TRUNCATED')
  await task.destroy()
  await file.close()
  const closed = pdfjsTransport(file, PDFDataRangeTransport)
  const opening = getDocument({ range: closed, ...options })
  await t.throwsAsync(opening.promise, { any: true })
  t.is(closed.lastError.code, 'ERR_FILE_CLOSED')
  await opening.destroy()
  await untilReleased(path)
})

withPeers('pdfjs-dist')(
  'after the document was destroyed nothing is handed to it, and nothing is an error',
  async t => {
    const { PDFDataRangeTransport } = await peer(PDFJS)
    const file = await MappedFile.open(pdfFile(temporaryFolder(t)))
    const range = pdfjsTransport(file, PDFDataRangeTransport)
    const received = []
    range.addRangeListener(begin => received.push(begin))
    range.requestDataRange(0, 100)
    range.abort()
    range.requestDataRange(100, 200)
    await file.read(0, 1)
    await new Promise(resolve => setImmediate(resolve))
    t.deepEqual(received, [])
    await file.close()
  },
)
