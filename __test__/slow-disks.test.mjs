// A slow disk does not occupy the libuv pool: fs and dns work while cold files are read, where plain reads delay them.
//
// Seen to fail: if every job gets a permit, fs.stat waits as it does for plain reads; if a pool of one thread has no
// permit, no read ever ends.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { again } from './helpers/again.mjs'
import { evict, loopDisk, throttled } from './helpers/fault-rig.mjs'
import { MiB, seededFile } from './helpers/files.mjs'
import { needs, program } from './helpers/rig.mjs'

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
const onSlowDisk = (...also) => needs('loopDevices', 'throttling', ...also)

// Of a read that takes 500 ms cold: a wait that the disk causes, and a wait that it does not cause.
const HELD_UP_MS = 200
const FREE_MS = 150

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

onSlowDisk()('fs.stat and dns.lookup are answered while the owner of cold files reads them by every method', t =>
  othersAreAnswered(t),
)

onSlowDisk('anotherUser')('the same while a user reads them who neither owns nor may write them', t =>
  othersAreAnswered(t, 65534),
)

async function othersAreAnswered(t, uid) {
  const { folder, group } = coldFiles(t, WAYS, 4 * MiB)
  const longestWait = ({ stat, lookup }) => Math.max(stat, lookup)
  const isFine = (name, found) =>
    name === 'fs.read' ? longestWait(found) >= HELD_UP_MS : longestWait(found) <= FREE_MS
  const measure = (names, time) => {
    if (time > 0) for (const name of names) evict(join(folder, name.replaceAll('.', '-')))
    return program(t, 'slow-disk', [folder, names, LENGTH], { cgroups: [group], uid })
  }
  const report = await again(WAYS, measure, isFine)
  for (const name of WAYS) {
    const { right, took, stat, lookup, answers } = report[name]
    const what = `${name}: ${took.toFixed()} ms; fs.stat waited ${stat.toFixed()} ms, dns.lookup ${lookup.toFixed()} ms; ${answers} answers`
    t.log(what)
    t.true(right, `${name} gave the file's bytes`)
    t.true(took >= HELD_UP_MS, `the file was cold: ${what}`)
    const promise =
      name === 'fs.read' ? 'plain reads hold the pool up, or the others prove nothing' : 'a thread of the pool is free'
    t.true(isFine(name, report[name]), `${promise}: ${what}`)
  }
}

onSlowDisk()('with a pool of one thread nothing deadlocks', async t => {
  const { folder, group } = coldFiles(t, WAYS, 32 * MiB)
  const env = { UV_THREADPOOL_SIZE: '1' }
  const report = await program(t, 'slow-disk', [folder, WAYS, LENGTH], { cgroups: [group], env })
  for (const name of WAYS) t.true(report[name].right, name)
})
