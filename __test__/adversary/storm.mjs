// The storm: changes files under their readers, and keeps a record of when each change began and ended.
// storm.mjs '{ folder, log, files, seed, until }'

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { evict } from '../helpers/fault-rig.mjs'
import { PAGE, seededNumbers } from '../helpers/files.mjs'
import { CELL, now, stamped } from './model.mjs'

const { folder, log, files, seed, until } = JSON.parse(process.argv[2])
const random = seededNumbers(seed)
const below = limit => Math.floor(random() * limit)
const record = fs.openSync(log, 'a')
const LARGEST = 512 * 1024

// Held open, so that the number of no file comes back as that of another.
const held = []
let version = 1
let id = 0

/** Does something, and notes when; false where this file system has no such thing. */
function noted(operation, act) {
  const begin = now()
  try {
    act?.()
  } catch (error) {
    if (/not supported/.test(error.stderr)) return false
    throw error
  }
  fs.writeSync(record, `${JSON.stringify({ ...operation, begin, end: now() })}\n`)
  return true
}

function create(file, path) {
  const size = 1 + below(LARGEST / 2)
  version++
  fs.writeFileSync(path, stamped(version, 0, Math.ceil(size / CELL)).subarray(0, size))
  held.push(fs.openSync(path))
  Object.assign(file, { id: id++, size })
  noted({ op: 'create', id: file.id, version, size, ino: fs.fstatSync(held.at(-1)).ino, loose: file.written })
}

/** A part of the file, at borders of `unit` bytes. */
function part(file, unit, most = 64 * 1024) {
  const from = below(file.size / unit) * unit
  const to = Math.min(from + (1 + below(most / unit)) * unit, Math.floor(file.size / unit) * unit)
  return { from, to }
}

const fallocate = (path, how, { from, to }) =>
  execFileSync('fallocate', [how, '--offset', from, '--length', to - from, path].map(String), { stdio: 'pipe' })

const resize = (op, file, size) => {
  noted({ op, id: file.id, size, loose: file.written }, () => fs.truncateSync(file.path, size))
  file.size = size
}

/** A length: of several writers' files at the border of a cell, which is enough to cut a page in two. */
const someSize = (file, most) => (file.written ? below(most / CELL) * CELL : below(most))

const changes = {
  write(file) {
    const { from, to } = part(file, CELL)
    if (to <= from) return
    version++
    const fd = fs.openSync(file.path, 'r+')
    noted({ op: 'write', id: file.id, from, to, version }, () =>
      fs.writeSync(fd, stamped(version, from / CELL, (to - from) / CELL), 0, to - from, from),
    )
    fs.closeSync(fd)
  },
  cut: file => resize('cut', file, someSize(file, file.size + 1)),
  cutToNothing: file => resize('cut', file, 0),
  // Of a file that others write to it is not known how long it is.
  grow: file => !file.written && resize('grow', file, file.size + below(LARGEST - file.size + 1)),
  cutAndGrow(file) {
    const { size } = file
    resize('cut', file, someSize(file, size + 1))
    if (!file.written) resize('grow', file, size)
  },
  replace(file) {
    const next = join(folder, 'next')
    create(file, next)
    noted({ op: 'path', name: file.name, to: file.id }, () => fs.renameSync(next, file.path))
  },
  away(file) {
    const aside = `${file.path} aside`
    noted({ op: 'path', name: file.name, to: null }, () => fs.renameSync(file.path, aside))
    noted({ op: 'path', name: file.name, to: file.id }, () => fs.renameSync(aside, file.path))
  },
  punch(file) {
    const range = part(file, CELL)
    if (range.to > range.from)
      noted({ op: 'zero', id: file.id, ...range }, () => fallocate(file.path, '--punch-hole', range))
  },
  zero(file) {
    const range = part(file, CELL)
    if (range.to > range.from)
      noted({ op: 'zero', id: file.id, ...range }, () => fallocate(file.path, '--zero-range', range))
  },
  collapse(file) {
    const range = part(file, PAGE)
    if (file.written || range.to <= range.from || range.to >= file.size) return
    if (noted({ op: 'collapse', id: file.id, ...range }, () => fallocate(file.path, '--collapse-range', range)))
      file.size -= range.to - range.from
  },
  mode(file) {
    fs.chmodSync(file.path, 0)
    fs.chmodSync(file.path, 0o644)
  },
  evict: file => evict(file.path),
}

for (const file of files) {
  file.path = join(folder, file.name)
  create(file, file.path)
  noted({ op: 'path', name: file.name, to: file.id })
}
process.stdout.write('ready\n')
const kinds = Object.values(changes)
while (Date.now() < until) {
  kinds[below(kinds.length)](files[below(files.length)])
  // Now and then it is calm, and now and then it is not.
  if (random() < 0.7) await delay(below(12))
}
