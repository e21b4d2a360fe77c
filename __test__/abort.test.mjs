// AbortSignal: an aborted read rejects with the reason of the signal, and its target is not written any more.
//
// Seen to fail: without the check whether a read has settled, its target is written when the job ends.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import test from 'ava'
import { MappedFile, mmapRead } from 'faultless'
import { loopDisk, throttled } from './helpers/fault-rig.mjs'
import { bytesBySync, KiB, MiB, seededFile, seededNumbers, temporaryFolder } from './helpers/files.mjs'
import { mappingsOf } from './helpers/process.mjs'
import { needs, program } from './helpers/rig.mjs'

test('with a signal that is aborted already, every method rejects with its reason and starts nothing', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  const reason = { why: 'no longer wanted' }
  const options = { signal: AbortSignal.abort(reason) }
  const refusing = async (call, what) => {
    try {
      await call()
      t.fail(`${what} resolved`)
    } catch (error) {
      t.is(error, reason, what)
    }
  }

  await refusing(() => MappedFile.open(path, options), 'open')
  await refusing(() => mmapRead(path, 0, 10, options), 'mmapRead')
  t.deepEqual(mappingsOf(path), [], 'nothing was mapped')

  const file = await MappedFile.open(path)
  const target = Buffer.alloc(100, 1)
  await refusing(() => file.read(0, 10, options), 'read')
  await refusing(() => file.readInto(target, 0, options), 'readInto')
  await refusing(() => file.readMany([{ offset: 0, length: 10 }], options), 'readMany')
  await refusing(() => file.readManyInto(target, [0, 10], 10, options), 'readManyInto')
  await refusing(() => file.view(0, 10, options), 'view')
  await refusing(() => file.slice(0, 10, options), 'slice')
  await refusing(() => file.prefault(0, 10, options), 'prefault')
  await refusing(async () => {
    for await (const chunk of file.chunks(options)) t.fail(`a chunk of ${chunk.length} bytes`)
  }, 'chunks')
  t.deepEqual(target, Buffer.alloc(100, 1), 'no target was written to')
  t.is((await file.residency()).mapped, 0, 'no page was faulted in')
  await file.close()
})

test('aborting a signal does not affect settled calls', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  const file = await MappedFile.open(path)
  const controller = new AbortController()
  const { signal } = controller
  const bytes = await file.read(0, MiB, { signal })
  const view = await file.view(0, MiB, { signal })
  controller.abort()
  await turn()
  t.true(bytesBySync(path, 0, MiB).equals(bytes))
  t.true(bytes.equals(view))
  await file.close()
})

test('thousands of reads with one signal add one listener', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  const file = await MappedFile.open(path)
  const warned = []
  const listen = warning => warned.push(warning.name)
  process.on('warning', listen)
  t.teardown(() => process.off('warning', listen))
  const { signal } = new AbortController()
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 200 }, (_, index) => file.read(index * KiB, KiB, { signal })))
  }
  await turn()
  t.deepEqual(warned, [])
  await file.close()
})

test('aborted at any moment, a read gives the right bytes or rejects, and then never writes its target', async t => {
  const path = seededFile(temporaryFolder(t), 16 * MiB)
  const file = await MappedFile.open(path)
  const random = seededNumbers(5)
  const outcomes = { fulfilled: 0, rejected: 0 }
  const abandoned = []
  for (let round = 0; round < 100; round++) {
    const controllers = Array.from({ length: 4 }, () => new AbortController())
    const reads = controllers.map(async ({ signal }) => {
      const offset = Math.floor(random() * 13 * MiB)
      // Long ranges are read on the pool, where an abort reaches them.
      const target = Buffer.alloc(random() < 0.5 ? 4 * KiB : 2 * MiB)
      try {
        await file.readInto(target, offset, { signal })
        outcomes.fulfilled++
        if (!bytesBySync(path, offset, target.length).equals(target)) t.fail(`wrong bytes at ${offset}`)
      } catch (error) {
        outcomes.rejected++
        t.is(error, signal.reason)
        abandoned.push(target.fill(0x5a))
      }
    })
    if (round % 2) await turn()
    controllers[0].abort()
    controllers[1].abort(new Error('mine'))
    await Promise.all(reads)
    await turn()
    for (const target of abandoned.splice(0)) {
      if (target.some(byte => byte !== 0x5a)) t.fail('written to after the rejection')
    }
  }
  t.log(outcomes)
  t.true(outcomes.fulfilled >= 200, 'what was not aborted is fulfilled')
  t.true(outcomes.rejected > 0, 'something was aborted in time')
  await file.close()
})

needs('loopDevices', 'throttling')('aborted during a cold read from a slow disk', async t => {
  const length = 4 * MiB
  const disk = loopDisk({ size: 64 * MiB, readAheadKiB: 128 })
  t.teardown(disk.dispose)
  const folder = join(disk.mountPoint, 'files')
  mkdirSync(folder)
  const names = ['read', 'readInto', 'readMany', 'view', 'prefault', 'chunks', 'mmapRead', 'several']
  for (const name of names) seededFile(folder, length, 1, name)
  disk.cool()
  const group = throttled({ device: disk.device, readBps: 4 * MiB })
  t.teardown(group.dispose)
  const { aborted, several } = await program(t, 'abort-cold', [folder, length], { cgroups: [group] })

  for (const [name, { reason, took, writtenAfterwards }] of Object.entries(aborted)) {
    t.log(`${name}: rejected ${took.toFixed()} ms after the start`)
    t.true(reason, `${name} rejects with the signal's reason`)
    t.true(took < 800, `${name} gives up long before the second that all of it takes: ${took} ms`)
    t.false(writtenAfterwards, `${name}: nobody writes to the target once the promise has settled`)
  }
  t.deepEqual(several, { reason: true, others: true, writtenAfterwards: false }, 'of several ranges one is aborted')
})
