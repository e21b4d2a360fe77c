// A slow disk does not take the libuv pool: fs and dns are answered while cold files are read, where plain reads hold them up.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { coldMetadataFile, loopDisk, throttled } from '../bench/harness/faults.mjs'
import { MiB, seededFile } from './helpers/files.mjs'
import { allowed, program } from './helpers/rig.mjs'

const WAYS = [
  'fs.read',
  'read',
  'readInto',
  'readMany',
  'readManySettled',
  'readManyInto',
  'view',
  'chunks',
  'slice',
  'prefault',
  'mmapRead',
]
const LENGTH = 2 * MiB

// What takes 500 ms cold: a wait that is a matter of the disk, and one that is not.
const HELD_UP_MS = 250
const FREE_MS = 150
// Less than one operation of a disk that does 5 a second.
const FREE_OF_5_MS = 190

function coldFiles(t, names, readBps) {
  const disk = loopDisk({ size: 64 * MiB, readAheadKiB: 128 })
  t.teardown(disk.dispose)
  const folder = join(disk.mountPoint, 'files')
  mkdirSync(folder)
  for (const name of names) seededFile(folder, LENGTH, 1, name.replaceAll('.', '-'))
  disk.cool()
  readFileSync(seededFile(folder, LENGTH, 1, 'warm'))
  const group = throttled({ device: disk.device, readBps })
  t.teardown(group.dispose)
  return { folder, group }
}

test.serial('fs.stat and dns.lookup are answered while every method reads cold files', async t => {
  if (!allowed(t, 'loopDevices', 'throttling')) return
  const { folder, group } = coldFiles(t, WAYS, 4 * MiB)
  const report = await program(t, 'slow-disk', [folder, WAYS, LENGTH], { cgroups: [group] })
  for (const name of WAYS) {
    const { right, took, stat, lookup, answers } = report[name]
    const what = `${name}: ${took.toFixed()} ms; fs.stat waited ${stat.toFixed()} ms, dns.lookup ${lookup.toFixed()} ms; ${answers} answers`
    t.log(what)
    t.true(right, `${name} gave the file's bytes`)
    t.true(took >= HELD_UP_MS, `the file was cold: ${what}`)
    if (name === 'fs.read') {
      t.true(Math.max(stat, lookup) >= HELD_UP_MS, `plain reads hold the pool up, or the others prove nothing: ${what}`)
    } else t.true(Math.max(stat, lookup) <= FREE_MS, `a thread of the pool is left to others: ${what}`)
  }
})

test.serial('with a pool of one thread nothing deadlocks', async t => {
  if (!allowed(t, 'loopDevices', 'throttling')) return
  const { folder, group } = coldFiles(t, WAYS, 32 * MiB)
  const env = { UV_THREADPOOL_SIZE: '1' }
  const report = await program(t, 'slow-disk', [folder, WAYS, LENGTH], { cgroups: [group], env })
  for (const name of WAYS) t.true(report[name].right, name)
})

test.serial('a disk of 5 operations a second with cold metadata holds up neither timers nor fs.stat', async t => {
  if (!allowed(t, 'loopDevices', 'throttling')) return
  const bytes = 32 * MiB
  const disk = loopDisk({ size: 64 * MiB, readAheadKiB: 128 })
  t.teardown(disk.dispose)
  const path = join(disk.mountPoint, 'scattered')
  coldMetadataFile(path, bytes)
  disk.cool()
  const group = throttled({ device: disk.device, readIops: 5 })
  t.teardown(group.dispose)
  const report = await program(t, 'cold-metadata', [path, bytes], { cgroups: [group] })
  for (const [name, { right, took, largest, stat }] of Object.entries(report)) {
    const what = `${name}: ${took.toFixed()} ms, timers waited ${largest.toFixed()} ms, fs.stat ${stat.toFixed()} ms`
    t.log(what)
    t.true(right, name)
    if (name === 'naive')
      t.true(largest >= 4 * HELD_UP_MS, `naive indexing stalls, or the others prove nothing: ${what}`)
    else t.true(largest <= FREE_OF_5_MS && stat <= FREE_OF_5_MS, what)
  }
})
