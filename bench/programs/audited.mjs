// What programs do over and over that may need memory each time, besides reading files: calls of Node's own, and of addons
// that people have.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  pbkdf2,
  pbkdf2Sync,
  randomFillSync,
  scrypt,
  scryptSync,
  X509Certificate,
} from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { promisify } from 'node:util'
import { threadId } from 'node:worker_threads'
import zlib from 'node:zlib'
import { KiB } from '../harness/cells.mjs'
import { loadPeer } from '../harness/peers.mjs'
import { notRunnable } from '../harness/requirements.mjs'
import { like, sameBytes, unforeseen } from './answers.mjs'

/** Compressible, as most of what is compressed is, and as long as the file. @param {Buffer} bytes */
const textOf = bytes => Buffer.from(bytes.toString('base64').slice(0, bytes.length))
const KEY = Buffer.alloc(32, 7)
const SALT = Buffer.alloc(16, 9)
const PASSWORD = 'correct horse battery staple'
const SQUARE = 128
/** A page of WebAssembly's memory, and the number of them at which another memory is begun. */
const WASM_PAGE = 64 * KiB
const WASM_PAGES = 1024

/**
 * `make` prepares and answers with the function that is called over and over.
 * @param {string} label
 * @param {(bytes: Buffer, size: number) => () => any} make
 * @param {import('./readers.mjs').Reader['expect']} expect
 * @param {Partial<import('./readers.mjs').Reader>} [more]
 */
const call = (label, make, expect, more) => ({
  label,
  synchronous: true,
  lanes: 1,
  setup: (path, size) => ({ once: make(readFileSync(path), size) }),
  expect,
  ...more,
})
const promised = { synchronous: false }

/** Functions of zlib all have the same name of their own. @param {string} label */
const keyOf = label => label.replace('zlib.', '').replace(',', '')

/** A pair of functions, one of which undoes what the other does: each is checked by the other. */
function pair(pack, unpack, names, textual = textOf) {
  return {
    [keyOf(names[0])]: call(
      names[0],
      bytes => {
        const text = textual(bytes)
        return () => pack(text)
      },
      bytes => {
        const packed = pack(textual(bytes))
        sameBytes(textual(bytes), names[1]).verify(unpack(packed))
        return sameBytes(packed, names[0])
      },
    ),
    [keyOf(names[1])]: call(
      names[1],
      bytes => {
        const packed = pack(textual(bytes))
        return () => unpack(packed)
      },
      bytes => sameBytes(textual(bytes), names[1]),
    ),
  }
}

function encrypt(bytes) {
  const cipher = createCipheriv('aes-256-gcm', KEY, SALT.subarray(0, 12))
  return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
}

function decrypt(bytes) {
  const cipher = createDecipheriv('aes-256-gcm', KEY, SALT.subarray(0, 12))
  cipher.setAuthTag(bytes.subarray(-16))
  return Buffer.concat([cipher.update(bytes.subarray(0, -16)), cipher.final()])
}

const compress = promisify(zlib.gzip)
const derived = (name, ...rest) => {
  const sync = { pbkdf2Sync, scryptSync }[`${name}Sync`]
  const onPool = promisify({ pbkdf2, scrypt }[name])
  const expect = () => sameBytes(sync(PASSWORD, SALT, ...rest), name)
  return {
    [`${name}Sync`]: call(`crypto.${name}Sync`, () => () => sync(PASSWORD, SALT, ...rest), expect),
    [name]: call(`crypto.${name}, on the pool`, () => () => onPool(PASSWORD, SALT, ...rest), expect, promised),
  }
}
const allocated = name =>
  call(
    `Buffer.${name}`,
    (_, size) => () => {
      const bytes = Buffer[name](size)
      // Whoever takes memory writes to it: a byte a page.
      for (let at = 0; at < size; at += 4 * KiB) bytes[at] = 1
      return bytes
    },
    ({ length }) => like(bytes => bytes.length === length && bytes[0] === 1, `${length} bytes`),
  )

/** @type {Record<string, import('./readers.mjs').Reader>} */
export const audited = {
  randomFillSync: call(
    'crypto.randomFillSync of one buffer',
    (_, size) => {
      const target = Buffer.alloc(size)
      return () => randomFillSync(target)
    },
    bytes => ({ ...unforeseen(bytes), accept() {} }),
  ),
  ...derived('pbkdf2', 100, 64, 'sha256'),
  ...derived('scrypt', 64, { N: 1024 }),
  sha256: call(
    'crypto.createHash',
    bytes => () => createHash('sha256').update(bytes).digest(),
    bytes => sameBytes(inPieces(createHash('sha256'), bytes), 'sha256'),
  ),
  hmac: call(
    'crypto.createHmac',
    bytes => () => createHmac('sha256', KEY).update(bytes).digest(),
    bytes => sameBytes(inPieces(createHmac('sha256', KEY), bytes), 'hmac'),
  ),
  ...pair(encrypt, decrypt, ['AES-256-GCM, encrypting', 'AES-256-GCM, decrypting'], bytes => bytes),
  certificate: call(
    'crypto.X509Certificate',
    () => () => new X509Certificate(rootCertificates[0]),
    () => {
      const [, body] = /-\n([^-]*)\n-/.exec(rootCertificates[0])
      return like(({ raw }) => raw.equals(Buffer.from(body, 'base64')), 'the certificate')
    },
  ),
  ...pair(zlib.deflateSync, zlib.inflateSync, ['zlib.deflateSync', 'zlib.inflateSync']),
  ...pair(brotliCompressSync, brotliDecompressSync, ['zlib.brotliCompressSync', 'zlib.brotliDecompressSync']),
  ...pair(zstdCompressSync, zstdDecompressSync, ['zlib.zstdCompressSync', 'zlib.zstdDecompressSync']),
  gzip: call(
    'zlib.gzip, on the pool',
    bytes => () => compress(textOf(bytes)),
    bytes => like(packed => zlib.gunzipSync(packed).equals(textOf(bytes)), 'the text, compressed'),
    promised,
  ),
  'JSON.stringify': call(
    'JSON.stringify',
    bytes => {
      const rows = Array.from(bytes)
      return () => JSON.stringify(rows)
    },
    bytes => like(text => text === `[${Array.from(bytes).join()}]`, 'the rows as a text'),
  ),
  'Buffer.alloc': allocated('alloc'),
  'Buffer.allocUnsafe': allocated('allocUnsafe'),
  'Buffer.allocUnsafeSlow': allocated('allocUnsafeSlow'),
  'Buffer.concat': call(
    'Buffer.concat of 16 parts',
    bytes => {
      const parts = Array.from({ length: 16 }, (_, part) =>
        bytes.subarray((part * bytes.length) / 16, ((part + 1) * bytes.length) / 16),
      )
      return () => Buffer.concat(parts)
    },
    bytes => sameBytes(bytes, 'the parts'),
  ),
  http: {
    label: 'an HTTP body, there and back',
    lanes: 1,
    async setup(path) {
      const bytes = readFileSync(path)
      const server = http.createServer((request, response) => request.pipe(response)).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const agent = new http.Agent({ keepAlive: true })
      const { port } = server.address()
      return {
        async once() {
          const sent = http.request({ port, host: '127.0.0.1', agent, method: 'POST' })
          sent.end(bytes)
          const [response] = await once(sent, 'response')
          return Buffer.concat(await response.toArray())
        },
        close() {
          agent.destroy()
          server.close()
        },
      }
    },
    expect: bytes => sameBytes(bytes, 'the body'),
  },
  websocket: {
    label: 'ws: a message, there and back',
    package: 'ws',
    lanes: 1,
    async setup(path) {
      const bytes = readFileSync(path)
      const { WebSocket, WebSocketServer } = loadPeer('ws')
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
      server.on('connection', socket => socket.on('message', message => socket.send(message)))
      await once(server, 'listening')
      const client = new WebSocket(`ws://127.0.0.1:${server.address().port}`)
      await once(client, 'open')
      return {
        async once() {
          client.send(bytes)
          const [message] = await once(client, 'message')
          return message
        },
        close() {
          client.terminate()
          server.close()
        },
      }
    },
    expect: bytes => sameBytes(bytes, 'the message'),
  },
  'WebAssembly.Memory.grow': call(
    'WebAssembly.Memory.grow by a page',
    () => {
      const begun = () => new WebAssembly.Memory({ initial: 1, maximum: WASM_PAGES })
      let memory = begun()
      return () => {
        if (memory.buffer.byteLength === WASM_PAGES * WASM_PAGE) memory = begun()
        const before = memory.grow(1)
        return memory.buffer.byteLength - before * WASM_PAGE
      }
    },
    () => like(grown => grown === WASM_PAGE, 'a page'),
  ),
  'small objects': call(
    'V8: objects, 64 B each, the last 16 lots kept',
    (_, size) => {
      const kept = []
      return () => {
        kept.push(Array.from({ length: size / 64 }, (__, index) => ({ index, name: 'a', rest: undefined })))
        if (kept.length > 16) kept.shift()
        return kept.at(-1)
      }
    },
    ({ length }) => like(lot => lot.length === Math.floor(length / 64) && lot.at(-1).index === lot.length - 1, 'a lot'),
  ),
  'large object': call(
    'V8: an array of that many bytes',
    (_, size) => () => Array.from({ length: size / 8 }, (__, index) => index),
    ({ length }) => like(array => array.at(-1) === length / 8 - 1, 'an array'),
  ),
  sharp: {
    label: 'sharp: 128 x 128 pixels made smaller, as PNG',
    package: 'sharp',
    lanes: 1,
    setup() {
      const sharp = loadPeer('sharp')
      const raw = { width: SQUARE, height: SQUARE, channels: 3 }
      const pixels = Buffer.alloc(SQUARE * SQUARE * 3, 100)
      return { once: () => sharp(pixels, { raw }).resize(32).png().toBuffer() }
    },
    expect: () => like(png => png.readUInt32BE(16) === 32 && png.readUInt32BE(20) === 32, 'a picture of 32 x 32'),
  },
  canvas: addon(
    '@napi-rs/canvas: a circle on 128 x 128, as PNG',
    '@napi-rs/canvas',
    ({ createCanvas }) =>
      () => {
        const canvas = createCanvas(SQUARE, SQUARE)
        const context = canvas.getContext('2d')
        context.arc(64, 64, 50, 0, 7)
        context.fill()
        return canvas.toBuffer('image/png')
      },
    () => like(png => png.readUInt32BE(16) === SQUARE && png.length > 300, `a picture of ${SQUARE} x ${SQUARE}`),
  ),
  bcrypt: addon(
    '@node-rs/bcrypt: hashSync, cost 4',
    '@node-rs/bcrypt',
    ({ hashSync }) =>
      () =>
        hashSync(PASSWORD, 4),
    () => like(hash => loadPeer('@node-rs/bcrypt').verifySync(PASSWORD, hash), 'a hash of the password'),
  ),
  argon2: addon(
    '@node-rs/argon2: hashSync, 4 MiB',
    '@node-rs/argon2',
    ({ hashSync }) =>
      () =>
        hashSync(PASSWORD, { memoryCost: 4096, timeCost: 1 }),
    () => like(hash => loadPeer('@node-rs/argon2').verifySync(hash, PASSWORD), 'a hash of the password'),
  ),
  snappy: addon(
    'snappy: compressSync',
    'snappy',
    ({ compressSync }, bytes) => {
      const text = textOf(bytes)
      return () => compressSync(text)
    },
    bytes => like(packed => loadPeer('snappy').uncompressSync(packed).equals(textOf(bytes)), 'the text, compressed'),
  ),
  unsnappy: addon(
    'snappy: uncompressSync',
    'snappy',
    ({ compressSync, uncompressSync }, bytes) => {
      const packed = compressSync(textOf(bytes))
      return () => uncompressSync(packed)
    },
    bytes => sameBytes(textOf(bytes), 'the text'),
  ),
  sqlite: addon(
    'better-sqlite3: a row is put, and got',
    'better-sqlite3',
    (Database, bytes) => putAndGet(new Database(':memory:'), bytes),
    bytes => sameBytes(bytes, 'the row'),
  ),
  'node:sqlite': {
    label: 'node:sqlite: a row is put, and got',
    synchronous: true,
    lanes: 1,
    async setup(path) {
      const { DatabaseSync } = await import('node:sqlite').catch(({ message }) => {
        throw notRunnable(`Node ${process.versions.node}: ${message}`)
      })
      const once = putAndGet(new DatabaseSync(':memory:'), readFileSync(path))
      return { once: () => Buffer.from(once()) }
    },
    expect: bytes => sameBytes(bytes, 'the row'),
  },
  lmdb: {
    label: 'lmdb: a value is got, as a new buffer',
    package: 'lmdb',
    synchronous: true,
    lanes: 1,
    async setup(path) {
      const { open } = loadPeer('lmdb')
      const place = join(tmpdir(), `faultless-audit-${process.pid}-${threadId}`)
      const store = open({ path: place, encoding: 'binary', noSync: true })
      await store.put('key', readFileSync(path))
      return {
        once: () => Buffer.from(store.getBinary('key')),
        async close() {
          await store.drop()
          await store.close()
        },
      }
    },
    expect: bytes => sameBytes(bytes, 'the value'),
  },
  onnx: {
    label: 'onnxruntime-node: Relu of that many bytes',
    package: 'onnxruntime-node',
    lanes: 1,
    async setup(_, size) {
      const { InferenceSession, Tensor } = loadPeer('onnxruntime-node')
      const session = await InferenceSession.create(reluModel(size / 4), { intraOpNumThreads: 1 })
      const x = new Tensor(
        'float32',
        Float32Array.from({ length: size / 4 }, (__, index) => index - 2),
      )
      return { once: async () => (await session.run({ x })).y.data, close: () => session.release() }
    },
    expect: ({ length }) => like(y => y.length === length / 4 && y[0] === 0 && y[5] === 3, 'what is above 0'),
  },
}

/** A call of a package of bench/peers. */
function addon(label, name, make, expect) {
  return { ...call(label, bytes => make(loadPeer(name), bytes), expect), package: name }
}

function inPieces(hash, bytes) {
  for (let at = 0; at < bytes.length; at += 1000) hash.update(bytes.subarray(at, at + 1000))
  return hash.digest()
}

function brotliCompressSync(bytes) {
  return zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } })
}

function brotliDecompressSync(bytes) {
  return zlib.brotliDecompressSync(bytes)
}

function zstdCompressSync(bytes) {
  if (!zlib.zstdCompressSync) throw notRunnable(`Node ${process.versions.node} has no zlib.zstdCompressSync`)
  return zlib.zstdCompressSync(bytes)
}

function zstdDecompressSync(bytes) {
  return zlib.zstdDecompressSync(bytes)
}

function putAndGet(database, bytes) {
  database.exec('CREATE TABLE rows (id INTEGER PRIMARY KEY, bytes BLOB)')
  const put = database.prepare('INSERT OR REPLACE INTO rows VALUES (1, ?)')
  const get = database.prepare('SELECT bytes FROM rows WHERE id = 1')
  return () => {
    put.run(bytes)
    return Buffer.from(get.get().bytes)
  }
}

/** A model of one operation, as ONNX writes it: y = Relu(x) of so many numbers. @param {number} length */
function reluModel(length) {
  const varint = value => (value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))])
  const number = (field, value) => [field << 3, ...varint(value)]
  const part = (field, bytes) => [(field << 3) | 2, ...varint(bytes.length), ...bytes]
  const text = (field, value) => part(field, Buffer.from(value))
  const floats = part(1, [...number(1, 1), ...part(2, part(1, number(1, length)))])
  const describe = name => [...text(1, name), ...part(2, floats)]
  const node = [...text(1, 'x'), ...text(2, 'y'), ...text(4, 'Relu')]
  const graph = [...part(1, node), ...text(2, 'relu'), ...part(11, describe('x')), ...part(12, describe('y'))]
  return Uint8Array.from([...number(1, 8), ...part(7, graph), ...part(8, number(2, 13))])
}
