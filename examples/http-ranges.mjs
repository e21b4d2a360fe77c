// Serves byte ranges of the files in a folder over HTTP. The default is the folder of this program.
//
//   node examples/http-ranges.mjs [FOLDER PORT]
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { MappedFile } from 'faultless'

const PART = 256 << 10
const [folder = import.meta.dirname, port = 0] = process.argv.slice(2)
const files = new Map()

/** Returns the open file. Opens it again if it was replaced or changed, and drops the old handle. */
async function open(path) {
  const { ino, size, mtimeMs } = await stat(path)
  const etag = `"${ino}-${size}-${mtimeMs}"`
  if (files.get(path)?.etag !== etag) files.set(path, { etag, file: await MappedFile.open(path) })
  return files.get(path)
}

/** Returns `[start, end)` of a single range. A request for several ranges gets the whole file. */
function rangeOf(header, size) {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? ['', '', '']
  if (first === '' && last === '') return { start: 0, end: size, status: 200 }
  const start = first === '' ? Math.max(0, size - last) : Number(first)
  const end = first === '' || last === '' ? size : Math.min(Number(last) + 1, size)
  return { start, end, status: start < end ? 206 : 416 }
}

async function serve({ method, url, headers }, response) {
  const { etag, file } = await open(join(folder, basename(decodeURIComponent(url))))
  const { start, end, status } = rangeOf((headers['if-range'] ?? etag) === etag ? headers.range : '', file.byteLength)
  response.setHeader('etag', etag).setHeader('accept-ranges', 'bytes')
  if (method !== 'GET' && method !== 'HEAD') return response.writeHead(405, { allow: 'GET, HEAD' }).end()
  if (headers['if-none-match'] === etag) return response.writeHead(304).end()
  if (status === 416) return response.writeHead(416, { 'content-range': `bytes */${file.byteLength}` }).end()
  if (status === 206) response.setHeader('content-range', `bytes ${start}-${end - 1}/${file.byteLength}`)
  response.writeHead(status, { 'content-length': end - start })
  // Resident ranges are sent at once. Other ranges and long ones are sent in parts, as fast as the client takes them.
  const warm = method === 'HEAD' || end - start > PART ? undefined : file.tryRead(start, end - start)
  if (method === 'HEAD' || warm) return response.end(warm)
  await pipeline(file.createReadStream({ start, end: end - 1, highWaterMark: PART }), response)
}

const server = createServer((request, response) =>
  serve(request, response).catch(error => {
    if (response.headersSent) return response.destroy(error) // The client has gone, or the file was cut.
    response.writeHead(['ENOENT', 'ERR_NOT_A_FILE'].includes(error.code) ? 404 : 500).end()
  }),
).listen(Number(port), '127.0.0.1')
await once(server, 'listening')
const origin = `http://127.0.0.1:${server.address().port}`
console.log(`serving ${folder} at ${origin}`)
for (const range of process.argv.length > 2 ? [] : ['bytes=0-9', 'bytes=-9', 'bytes=99999999-', '']) {
  const response = await fetch(`${origin}/http-ranges.mjs`, { headers: { range, connection: 'close' } })
  console.log(range, response.status, JSON.stringify((await response.text()).slice(0, 10)))
}
if (process.argv.length === 2) server.close()
