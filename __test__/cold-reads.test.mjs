// The JS thread stays free while cold files are read from a slow disk, where naive indexing of a mapping stalls it.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { loopDisk, throttled } from '../bench/harness/faults.mjs'
import { MiB, seededFile } from './helpers/files.mjs'
import { allowed, program } from './helpers/rig.mjs'

// 2 MiB at 4 MiB/s: half a second for each file.
const BYTES_PER_SECOND = 4 * MiB
const LENGTH = 2 * MiB
const COLD_MS = 300
const STALL_MS = 300
// A busy machine has hiccups of its own; shorter waits for the disk show in the share of the time the thread is blocked.
const FREE_MS = 100
const TICKS = 100
const BLOCKED = 0.05

const WAYS = [
  'naive',
  'read',
  'readInto',
  'reads at once',
  'readMany',
  'readManySettled',
  'readManyInto',
  'view',
  'chunks',
  'slice',
  'prefault',
  'mmapRead',
]
const ATTEMPTS = ['tryRead', 'tryReadInto', 'tryView']

async function coldReads(t, options) {
  const disk = loopDisk({ size: 64 * MiB, readAheadKiB: 128 })
  t.teardown(disk.dispose)
  const folder = join(disk.mountPoint, 'files')
  mkdirSync(folder)
  for (const name of [...WAYS, ...ATTEMPTS]) seededFile(folder, LENGTH, 1, name)
  disk.cool()
  readFileSync(seededFile(folder, LENGTH, 1, 'warm'))
  const group = throttled({ device: disk.device, readBps: BYTES_PER_SECOND })
  t.teardown(group.dispose)
  const { ways, attempts } = await program(t, 'cold-reads', [folder, LENGTH], { cgroups: [group], ...options })

  for (const name of WAYS) {
    const { right, took, largest, ticks, blocked } = ways[name]
    const what = `${name}: ${took.toFixed()} ms, ${ticks} ticks, ${largest.toFixed()} ms the longest wait, ${(100 * blocked).toFixed()} % blocked`
    t.log(what)
    t.true(right, `${name} gave the file's bytes`)
    t.true(took >= COLD_MS, `the file was cold: ${what}`)
    if (name === 'naive') {
      t.true(
        largest >= STALL_MS && blocked >= 10 * BLOCKED,
        `naive indexing stalls, or the others prove nothing: ${what}`,
      )
    } else {
      t.true(largest <= FREE_MS && ticks >= TICKS && blocked <= BLOCKED, `timers go on: ${what}`)
    }
  }
  for (const name of ATTEMPTS) {
    t.true(attempts[name].undefined, `${name} answers undefined for what is cold`)
    t.true(attempts[name].largest <= FREE_MS, `${name} does not wait for the disk: ${attempts[name].largest} ms`)
  }
}

test('timers go on while the owner of cold files reads them from a slow disk', async t => {
  if (allowed(t, 'loopDevices', 'throttling')) await coldReads(t)
})

test('timers go on while a user who neither owns nor may write cold files reads them from a slow disk', async t => {
  if (allowed(t, 'loopDevices', 'throttling', 'anotherUser')) await coldReads(t, { uid: 65534 })
})
