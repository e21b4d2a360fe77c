// Every program of examples/ runs as it is, and does what its first lines describe.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { capabilities } from 'faultless'
import { KiB, MiB, seededBytes, temporaryFolder } from './helpers/files.mjs'
import { unless } from './helpers/rig.mjs'
import { noSharedData, sharedData } from './helpers/shared-data.mjs'

const folder = fileURLToPath(new URL('../examples/', import.meta.url))
const programs = fs.readdirSync(folder).filter(name => name.endsWith('.mjs'))

/** What the program has printed when it has ended; throws what it said where it failed. */
async function printed(name, ...args) {
  const child = spawn(process.execPath, [join(folder, name), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'])
    child[stream].setEncoding('utf8').on('data', text => (said[stream] += text))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${said.stderr}`)
  return said.stdout
}

const expected = {
  'parquet-column.mjs': /^height: mean 1\.750 of 50000 rows\n$/,
  'pmtiles-tile.mjs': /^tile 1\/1\/0: 1100 bytes of \d+\n$/,
  'shared-embeddings.mjs': capabilities().sharedViews
    ? /^vector 42: \d\.\d{4}\n(vector \d+: \d\.\d{4}\n){4}$/
    : /^threads cannot share views on Node v20/,
  'tail.mjs': /^before\nafter the rename\nafter the cut\n$/,
  'nearest-neighbours.mjs': /^vector 42: \d\.\d{4}\n(vector \d+: \d\.\d{4}\n){4}$/,
  'http-ranges.mjs':
    /^serving .*\nbytes=0-9 206 "\/\/ Serves "\nbytes=-9 206 .*\nbytes=99999999- 416 ""\n 200 "\/\/ Serves "\n$/,
}

for (const name of programs) {
  test(`${name} runs on its own, and is short`, async t => {
    t.regex(await printed(name), expected[name])
    const lines = fs.readFileSync(join(folder, name), 'utf8').trimEnd().split('\n')
    t.true(lines.length <= 60, `${lines.length} lines`)
    t.regex(lines.slice(0, 6).join('\n'), new RegExp(`node examples/${name}`))
  })
}

test('every example is there that is expected', t => t.deepEqual(programs.sort(), Object.keys(expected).sort()))

test('the nearest neighbours are those that a plain loop finds', async t => {
  const path = join(temporaryFolder(t), 'random.f32')
  const [vectors, dimensions, query] = [3000, 16, 7]
  const values = Float32Array.from(seededBytes(vectors * dimensions), byte => byte / 255 - 0.5)
  fs.writeFileSync(path, values)
  const at = (vector, i) => values[vector * dimensions + i]
  const all = Array.from({ length: vectors }, (_, vector) => {
    let similarity = 0
    for (let i = 0; i < dimensions; i++) similarity += at(query, i) * at(vector, i)
    return { vector, similarity }
  })
  all.sort((a, b) => b.similarity - a.similarity)
  const lines = all.slice(0, 5).map(({ vector, similarity }) => `vector ${vector}: ${similarity.toFixed(4)}\n`)
  const ways = ['nearest-neighbours.mjs', ...(capabilities().sharedViews ? ['shared-embeddings.mjs'] : [])]
  for (const name of ways) t.is(await printed(name, path, String(dimensions), String(query)), lines.join(''))
})

unless(noSharedData)('a tile of a real archive', async t => {
  const path = sharedData('usgs-mt-whitney-8-15-webp-512.pmtiles')
  t.regex(await printed('pmtiles-tile.mjs', path, '8', '43', '100'), /^tile 8\/43\/100: \d+ bytes of 1964599\n$/)
})

/** The server of http-ranges.mjs over a folder with one file of 20 MiB. */
async function serving(t) {
  const served = temporaryFolder(t)
  const bytes = seededBytes(20 * MiB)
  fs.writeFileSync(join(served, 'big file'), bytes)
  const child = spawn(process.execPath, [join(folder, 'http-ranges.mjs'), served, '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill())
  const [line] = await once(createInterface(child.stdout), 'line')
  const url = `${line.split(' at ')[1]}/big%20file`
  return { served, bytes, url, ask: (headers, method = 'GET') => fetch(url, { method, headers }) }
}

test('HTTP: ranges, HEAD, ETag, and ranges that cannot be satisfied', async t => {
  const { served, bytes, url, ask } = await serving(t)
  const size = bytes.length
  for (const [range, start, end] of [
    ['bytes=0-0', 0, 1],
    ['bytes=100-4195', 100, 4196],
    ['bytes=-1000', size - 1000, size],
    [`bytes=${size - 10}-`, size - 10, size],
    [`bytes=5-${size * 2}`, 5, size],
    [`bytes=${MiB}-${9 * MiB}`, MiB, 9 * MiB + 1],
  ]) {
    const response = await ask({ range })
    t.is(response.status, 206, range)
    t.is(response.headers.get('content-range'), `bytes ${start}-${end - 1}/${size}`)
    t.true(Buffer.from(await response.arrayBuffer()).equals(bytes.subarray(start, end)), range)
  }
  for (const range of [`bytes=${size}-`, 'bytes=-0', 'bytes=9-5']) {
    const response = await ask({ range })
    t.is(response.status, 416)
    t.is(response.headers.get('content-range'), `bytes */${size}`)
  }
  const whole = await ask({ range: 'bytes=0-1,5-6' })
  t.is(whole.status, 200)
  t.true(Buffer.from(await whole.arrayBuffer()).equals(bytes))
  const head = await ask({}, 'HEAD')
  t.is(head.headers.get('content-length'), String(size))
  t.is(await head.text(), '')
  t.is((await ask({}, 'POST')).status, 405)
  t.is((await fetch(`${url}-not`)).status, 404)
  t.is((await fetch(new URL('/', url))).status, 404)

  const etag = head.headers.get('etag')
  t.is((await ask({ 'if-none-match': etag })).status, 304)
  t.is((await ask({ range: 'bytes=0-9', 'if-range': etag })).status, 206)
  fs.writeFileSync(join(served, 'new'), seededBytes(KiB, 9))
  fs.renameSync(join(served, 'new'), join(served, 'big file'))
  const after = await ask({ range: 'bytes=0-9', 'if-range': etag })
  t.is(after.status, 200, 'the range of another file is not asked for')
  t.true(Buffer.from(await after.arrayBuffer()).equals(seededBytes(KiB, 9)))
})

test('HTTP: a client that reads nothing gets little data, and a client that disconnects ends no other request', async t => {
  const { bytes, url, ask } = await serving(t)
  for (let round = 0; round < 5; round++) {
    const request = http.get(url)
    const [response] = await once(request, 'response')
    await once(response, 'readable')
    t.true(response.readableLength < MiB)
    request.destroy()
  }
  t.true(Buffer.from(await (await ask({ range: 'bytes=7-99' })).arrayBuffer()).equals(bytes.subarray(7, 100)))
})

test('tail prints each line of a file that is rotated by rename and by copy', async t => {
  const path = join(temporaryFolder(t), 'log')
  fs.writeFileSync(path, 'not this\n')
  const child = spawn(process.execPath, [join(folder, 'tail.mjs'), path], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill())
  const taken = []
  let wanted
  createInterface(child.stdout).on('line', line => {
    taken.push(line)
    wanted?.()
  })
  const until = isThere =>
    new Promise(resolve => {
      wanted = () => isThere() && resolve()
      wanted()
    })
  // The first line shows that the program follows the file.
  const asking = setInterval(() => fs.appendFileSync(path, '?\n'), 100)
  await until(() => taken.length > 0)
  clearInterval(asking)
  const expected = Array.from({ length: 300 }, (_, index) => `line ${index}`)
  for (const [index, line] of expected.entries()) {
    fs.appendFileSync(path, `${line}\n`)
    // The file is rotated before its last lines are read. The part that was read identifies the copy.
    if (index % 50 === 10) await until(() => taken.includes(line))
    if (index % 100 === 50) {
      fs.renameSync(path, `${path}.${index}`)
      fs.writeFileSync(path, '')
      await until(() => taken.includes(line))
    } else if (index % 100 === 99) {
      fs.copyFileSync(path, `${path}.${index}`)
      fs.truncateSync(path)
      await until(() => taken.includes(line))
    }
  }
  t.deepEqual(
    taken.filter(line => line !== '?'),
    expected,
  )
})
