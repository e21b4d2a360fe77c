// Reads scattered blocks of a file whose map of blocks is itself cold, from a disk of few operations a second.

import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { MappedFile, mmapRead } from 'faultless'
import { unpopulatedWindow } from '#binding'
import { PAGE } from '../helpers/files.mjs'

const [path, bytes] = [process.argv[2], Number(process.argv[3])]
const expected = block => ((block / 2) % 255) + 1

/** Blocks with bytes in them, far from each other; each `round` has its own. */
const blocks = round => [1, 3, 5].map(part => 2 * Math.floor((bytes / PAGE / 2) * (part / 7)) + 2 * round)

async function watched(work) {
  let [last, largest] = [performance.now(), 0]
  const look = () => {
    largest = Math.max(largest, performance.now() - last)
    last = performance.now()
  }
  const timer = setInterval(look, 1)
  await delay(20)
  largest = 0
  let going = true
  let waited = 0
  const asking = (async () => {
    while (going) {
      const asked = performance.now()
      await fs.promises.stat(process.execPath)
      waited = Math.max(waited, performance.now() - asked)
      await delay(5)
    }
  })()
  const began = performance.now()
  const right = await work()
  look()
  const took = performance.now() - began
  going = false
  await asking
  clearInterval(timer)
  return { right, took, largest, stat: waited }
}

const opened = await watched(async () => (await MappedFile.open(path)).byteLength === bytes)
const file = await MappedFile.open(path)
const same = (parts, round) => parts.every((part, index) => part.every(byte => byte === expected(blocks(round)[index])))
const at = (round, read) => Promise.all(blocks(round).map(block => read(block * PAGE)))
const report = {
  open: opened,
  read: await watched(async () => same(await at(20, offset => file.read(offset, PAGE)), 20)),
  readMany: await watched(async () =>
    same(await file.readMany(blocks(40).map(block => ({ offset: block * PAGE, length: PAGE }))), 40),
  ),
  view: await watched(async () => same(await at(60, offset => file.view(offset, PAGE)), 60)),
  mmapRead: await watched(async () => same(await at(80, offset => mmapRead(path, offset, PAGE)), 80)),
  naive: await watched(async () => {
    const window = new Uint8Array(unpopulatedWindow(Buffer.from(path)))
    const [block] = blocks(100)
    return window[block * PAGE] === expected(block)
  }),
}
console.log(JSON.stringify(report))
