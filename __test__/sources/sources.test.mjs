// faultless/sources as a whole: its types are those that the packages ask for, and it needs none of the packages.

import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { MappedFile } from 'faultless'
import * as sources from 'faultless/sources'
import { seededFile, temporaryFolder } from '../helpers/files.mjs'
import { peerNames, withPeers } from '../helpers/peers.mjs'
import { unless } from '../helpers/rig.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const run = promisify(execFile)

for (const [project, test] of [
  ['types', unless()],
  ['peers', withPeers(...peerNames)],
]) {
  test(`the adapters have the types that the packages declare: __test__/${project}`, async t => {
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const options = ['--noEmit', '--pretty', 'false', '-p', join(root, '__test__', project)]
    await t.notThrowsAsync(
      run(process.execPath, [compiler, ...options]).catch(error => {
        throw new Error(error.stdout)
      }),
    )
  })
}

test('without any of the packages installed it loads, by import and by require', async t => {
  const folder = join(temporaryFolder(t), 'node_modules/faultless')
  fs.mkdirSync(folder, { recursive: true })
  for (const name of fs.readdirSync(root)) {
    if (/^(dist|binding\.js|package\.json|.*\.node)$/.test(name)) {
      fs.cpSync(join(root, name), join(folder, name), { recursive: true })
    }
  }
  const program = `
    const { createRequire } = process.getBuiltinModule?.('module') ?? await import('node:module')
    const imported = await import('faultless/sources')
    const required = createRequire(${JSON.stringify(join(folder, '..', '..', 'app.js'))})('faultless/sources')
    console.log(Object.keys(imported).every(name => imported[name] === required[name]), Object.keys(imported).length)`
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: join(folder, '../..') })
  t.is(stdout, `true ${Object.keys(sources).length}\n`)
})

test('none of the packages is a dependency of a user', t => {
  const { dependencies, peerDependencies, optionalDependencies } = createRequire(import.meta.url)(
    'faultless/package.json',
  )
  const names = Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })
  t.deepEqual(
    names.filter(name => !name.startsWith('faultless-')),
    [],
  )
})

test('methods of adapters work without their object', async t => {
  const file = await MappedFile.open(seededFile(temporaryFolder(t), 1000))
  const detached = (adapter, method, ...args) => {
    const { [method]: taken } = adapter(file)
    return taken(...args)
  }
  const lengths = [
    detached(sources.genericFilehandle, 'read', 10, 5),
    detached(sources.genericFilehandle, 'readFile'),
    detached(sources.geotiffSource, 'fetch', [{ offset: 0, length: 10 }]).then(([bytes]) => bytes),
    detached(sources.geotiffSource, 'fetchSlice', { offset: 0, length: 10 }).then(({ data }) => data),
    detached(sources.hyparquetBuffer, 'slice', 5, 15),
    detached(sources.mediabunnySource, 'read', 5, 15),
    detached(sources.pmtilesSource, 'getBytes', 5, 10).then(({ data }) => data),
    buffer(detached(sources.unzipperSource, 'stream', 5, 10)),
    detached(sources.zarritaReader, 'read', 5, 10),
    detached(sources.zipjsReader, 'readUint8Array', 5, 10),
    new Response(detached(sources.zipjsReader, 'createReadable', { offset: 5, size: 10 })).arrayBuffer(),
  ]
  t.deepEqual(
    (await Promise.all(lengths)).map(bytes => bytes.byteLength),
    [10, 1000, ...Array(9).fill(10)],
  )
  await file.close()
})

test('a path or a promise in place of an open file is refused at once, and the error says what to pass', async t => {
  const path = seededFile(temporaryFolder(t), 100)
  const opening = MappedFile.open(path)
  for (const [name, adapter] of Object.entries(sources)) {
    for (const wrong of [path, opening, undefined, null, {}]) {
      const error = t.throws(
        () => adapter(wrong, class {}),
        { instanceOf: TypeError, code: 'ERR_INVALID_ARG_TYPE' },
        name,
      )
      t.regex(error.message, /MappedFile\.open\(\)/)
    }
  }
  await (await opening).close()
})

// Seen to fail: pmtiles compared a symbol with 0, which throws a TypeError without a code; so did sums and differences of others.
test('a position that is no number is refused with a code', async t => {
  const file = await MappedFile.open(seededFile(temporaryFolder(t), 100))
  const bad = Symbol('7')
  const calls = {
    pmtiles: () => sources.pmtilesSource(file).getBytes(bad, 1),
    unzipper: () => sources.unzipperSource(file).stream(bad, 1),
    'unzipper, length': () => sources.unzipperSource(file).stream(0, bad),
    zipjs: () => sources.zipjsReader(file).readUint8Array(bad, 1),
    'zipjs, readable': () => sources.zipjsReader(file).createReadable({ offset: bad }),
    'zipjs, readable, size': () => sources.zipjsReader(file).createReadable({ size: bad }),
    mediabunny: () => sources.mediabunnySource(file).read(bad, 1),
    'mediabunny, end': () => sources.mediabunnySource(file).read(0, bad),
    zarrita: () => sources.zarritaReader(file).read(bad, 1),
    geotiff: () => sources.geotiffSource(file).fetchSlice({ offset: bad, length: 1 }),
    'generic-filehandle2': () => sources.genericFilehandle(file).read(1, bad),
    hyparquet: () => sources.hyparquetBuffer(file).slice(bad, 1),
  }
  for (const [name, call] of Object.entries(calls)) {
    await t.throwsAsync(async () => call(), { instanceOf: TypeError, code: 'ERR_INVALID_ARG_TYPE' }, name)
  }
  await file.close()
})
