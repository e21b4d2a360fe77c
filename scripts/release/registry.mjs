// A registry of packages on the loopback interface, in memory: it takes what `npm publish` sends, and serves it to `npm install`.

import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'

/**
 * @param {string} token that publishing takes
 * @returns the `url`; what was `published`, in order, as NAME@VERSION; `refused`, the names of packages to refuse; `close()`
 */
export async function startRegistry(token) {
  const packages = new Map()
  const published = []
  const refused = new Set()
  const server = createServer(async (request, response) => {
    const answer = (status, body) => response.writeHead(status).end(Buffer.isBuffer(body) ? body : JSON.stringify(body))
    const [name, , file] = decodeURIComponent(request.url.slice(1)).split('/')
    if (request.method === 'GET') {
      const body = file ? packages.get(name)?.tarballs[file] : packages.get(name)?.document
      return body ? answer(200, body) : answer(404, { error: 'Not found' })
    }
    const sent = await json(request)
    const [[version, manifest]] = Object.entries(sent.versions)
    if (request.headers.authorization !== `Bearer ${token}`) return answer(401, { error: 'no such token' })
    if (refused.has(name)) return answer(422, { error: 'refused, as a rehearsal wants it' })
    const known = packages.get(name) ?? { document: { name, 'dist-tags': {}, versions: {} }, tarballs: {} }
    if (known.document.versions[version])
      return answer(403, { error: 'You cannot publish over the previously published versions' })
    const [attachment] = Object.values(sent._attachments)
    const tarball = `${name}-${version}.tgz`
    known.tarballs[tarball] = Buffer.from(attachment.data, 'base64')
    known.document.versions[version] = {
      ...manifest,
      dist: { ...manifest.dist, tarball: `${url}${name}/-/${tarball}` },
    }
    Object.assign(known.document['dist-tags'], sent['dist-tags'])
    packages.set(name, known)
    published.push(`${name}@${version}`)
    answer(201, {})
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${server.address().port}/`
  return { url, published, refused, close: () => new Promise(resolve => server.close(resolve)) }
}
