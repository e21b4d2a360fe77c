// Holds its event loop up in several ways while faultless/watch looks on, and prints what that told, with the kernel's own count.
//
// Arguments: a cold file to touch, a cold file to read.

import { subscribe } from 'node:diagnostics_channel'
import fs from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { MappedFile } from 'faultless'
import { watched } from 'faultless/watch'
import { unpopulatedWindow } from '#binding'

const PAGE = 4096
const [touched, read] = process.argv.slice(2)
const messages = []
const warnings = []
subscribe('faultless:fault', message => messages.push(message))
process.on('warning', ({ name, code, message }) => warnings.push({ name, code, message }))

const majorFaults = () => {
  const text = fs.readFileSync('/proc/thread-self/stat', 'utf8')
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[12 - 3])
}

const file = await MappedFile.open(touched)
const cold = new Uint8Array(unpopulatedWindow(Buffer.from(touched)))
await delay(300)

// A page fault that takes no time, and late for other reasons than page faults.
const before = majorFaults()
cold[file.byteLength - PAGE]
await delay(100)
for (const end = performance.now() + 200; performance.now() < end; );
await delay(100)
fs.readFileSync(read)
await delay(100)
const quiet = { messages: messages.length, faults: majorFaults() - before }

const late = monitorEventLoopDelay({ resolution: 1 })
late.enable()
await delay(50)
const begun = majorFaults()
for (let at = 0; at < file.byteLength; at += 48 * PAGE) cold[at]
const faults = majorFaults() - begun
await delay(200)
console.log(JSON.stringify({ watched, quiet, faults, late: late.max / 1e6, messages, warnings }))
