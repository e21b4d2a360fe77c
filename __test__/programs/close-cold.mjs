// Closes a file while a cold read of it is under way, and prints what came first. Runs under a throttle.

import { setTimeout as delay } from 'node:timers/promises'
import { MappedFile } from 'faultless'
import { seededBytes } from '../helpers/files.mjs'

const file = await MappedFile.open(process.argv[2])
const order = []
const reading = file.read().then(bytes => {
  order.push('read')
  return seededBytes(bytes.length).equals(bytes)
})
await delay(100)
const closing = file.close().then(() => order.push('close'))
const later = (await file.read(0, 1).catch(error => error)).code
const right = await reading
await closing
console.log(JSON.stringify({ right, settledFirst: order[0] === 'read', later }))
