// What becomes of each way to read where the file is larger than 4 GiB, and where it is cut short meanwhile:
// node bench/programs/limits.mjs [WAY CASE FILE]
import { execFile } from 'node:child_process'
import { mkdtempSync, openAsBlob, openSync, readSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { open as openHandle } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Table from 'cli-table3'
import { installPeers } from '../harness/peers.mjs'
import { PLAIN } from '../report/format.mjs'

const GiB = 2 ** 30
const WORD = Buffer.from('here')

/** Each opens a file, and gives what reads a few bytes of it. */
const ways = {
  'fs.readSync': path => {
    const descriptor = openSync(path)
    return (offset, length) => {
      const bytes = Buffer.alloc(length)
      return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset))
    }
  },
  'FileHandle.read': async path => {
    const handle = await openHandle(path)
    return async (offset, length) => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset)
      return buffer.subarray(0, bytesRead)
    }
  },
  'fs.openAsBlob': async path => {
    const blob = await openAsBlob(path)
    return async (offset, length) => Buffer.from(await blob.slice(offset, offset + length).arrayBuffer())
  },
  '@riaskov/mmap-io': (path, size) => {
    const io = createRequire(new URL('../peers/package.json', import.meta.url))('@riaskov/mmap-io')
    const mapped = io.map(size, io.PROT_READ, io.MAP_SHARED, openSync(path), 0, io.MADV_NORMAL)
    return (offset, length) => Buffer.from(mapped.subarray(offset, offset + length))
  },
  'faultless, read': async path => {
    const { MappedFile } = await import('faultless')
    const file = await MappedFile.open(path)
    return (offset, length) => file.read(offset, length)
  },
  'faultless, a view made before': async path => {
    const { MappedFile } = await import('faultless')
    const file = await MappedFile.open(path)
    const views = new Map()
    return async (offset, length) => {
      if (!views.has(offset)) views.set(offset, await file.view(offset, length))
      return views.get(offset)
    }
  },
}

const cases = {
  'larger than 4 GiB': async (way, path) => {
    const at = 4 * GiB + 10
    writeFileSync(path, '')
    truncateSync(path, 5 * GiB)
    writeSync(openSync(path, 'r+'), WORD, 0, WORD.length, at)
    const read = await ways[way](path, 5 * GiB)
    return told(await read(at, WORD.length))
  },
  'cut to nothing': async (way, path) => {
    const size = 1 << 20
    const at = size / 2
    writeFileSync(path, Buffer.alloc(size))
    writeSync(openSync(path, 'r+'), WORD, 0, WORD.length, at)
    const read = await ways[way](path, size)
    if (!WORD.equals(await read(at, WORD.length))) throw new Error(`${way} does not read what is there`)
    truncateSync(path, 0)
    return told(await read(at, WORD.length))
  },
}

function told(bytes) {
  if (WORD.equals(bytes)) return 'the right bytes'
  if (bytes.length === 0) return 'nothing'
  return bytes.every(byte => byte === 0) ? 'zeros' : 'wrong bytes'
}

const [way, wanted, path] = process.argv.slice(2)
if (path === undefined) await all()
else {
  // The codes of a DOMException are numbers.
  const nameOf = ({ code, name }) => (typeof code === 'string' ? code : name)
  console.log(await cases[wanted](way, path).catch(nameOf))
}

/** Each in a process of its own, since some do not survive it. */
async function all() {
  const missing = await installPeers(new AbortController().signal)
  const folder = mkdtempSync(join(tmpdir(), 'faultless-limits-'))
  const table = new Table({ style: PLAIN, head: ['', ...Object.keys(cases)] })
  try {
    for (const name of Object.keys(ways)) {
      const outcomes = []
      for (const one of Object.keys(cases)) {
        outcomes.push(name.startsWith('@') && missing ? missing : await outcomeOf(name, one, join(folder, 'file')))
      }
      table.push([name, ...outcomes])
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  console.log(`Node ${process.version} on ${process.platform} ${process.arch}\n${table}`)
}

async function outcomeOf(name, one, file) {
  const run = promisify(execFile)
  try {
    const { stdout } = await run(process.execPath, [fileURLToPath(import.meta.url), name, one, file])
    return stdout.trim()
  } catch (error) {
    return error.signal ? `the process is killed by ${error.signal}` : `exit code ${error.code}`
  }
}
