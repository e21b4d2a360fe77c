// Results of the pool may come late: after a newer result, or when the state that they describe has changed again.
//
// Each test was seen to fail before the order of refresh() and the identity of the mapping of views were checked.

import { EventEmitter, once } from 'node:events'
import fs from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import test from 'ava'
import { MappedFile } from 'faultless'
import { NativeFile } from '#binding'
import { evict } from './helpers/fault-rig.mjs'
import { MiB, PAGE, seededBytes, seededFile, temporaryFolder } from './helpers/files.mjs'
import { needs } from './helpers/rig.mjs'

/** Lets the test have its way with what a method of the addon answers, once, before lib/ sees it. */
function meddleOnce(t, method, meddle) {
  const original = NativeFile.prototype[method]
  const restore = () => {
    NativeFile.prototype[method] = original
  }
  NativeFile.prototype[method] = function (...args) {
    restore()
    return meddle(original.apply(this, args))
  }
  t.teardown(restore)
}

test.serial('of two refresh() the later one counts, however late the first has its answer', async t => {
  const path = seededFile(temporaryFolder(t), 1000)
  const file = await MappedFile.open(path)
  const [looked, late] = [new EventEmitter(), new EventEmitter()]
  meddleOnce(t, 'refresh', async job => {
    const answer = await job
    looked.emit('done')
    await once(late, 'now')
    return answer
  })
  const first = file.refresh()
  await once(looked, 'done')
  fs.appendFileSync(path, seededBytes(500, 2))
  const second = file.refresh()
  // Enough time for the second one to overtake the first, if that is possible.
  await Promise.race([second, setTimeout(200)])
  late.emit('now')
  await first
  t.is(await second, 1500)
  t.is(file.byteLength, 1500)
  t.true(seededBytes(500, 2).equals(await file.read(1000)))
  await file.close()
})

needs('eviction').serial(
  'a view of a mapping that was damaged while it was faulted in is faulted in again',
  async t => {
    const path = seededFile(temporaryFolder(t), MiB)
    const file = await MappedFile.open(path)
    const other = await file.view(0, 10)
    evict(path)
    meddleOnce(t, 'populateRanges', async job => {
      const answer = await job
      fs.truncateSync(path, 0)
      t.is(other[0], 0, 'the touch of a lost page damages the mapping')
      fs.writeFileSync(path, seededBytes(MiB))
      evict(path)
      return answer
    })
    const view = await file.view(64 * PAGE, 100 * PAGE)
    const before = process.resourceUsage().majorPageFault
    t.true(
      seededBytes(MiB)
        .subarray(64 * PAGE, 164 * PAGE)
        .equals(view),
    )
    t.is(process.resourceUsage().majorPageFault - before, 0, 'touching it waits for no disk')
    await file.close()
  },
)

// Seen to fail: it resolves with the previous length.
test.serial('refresh() that is overtaken by close() rejects', async t => {
  const file = await MappedFile.open(seededFile(temporaryFolder(t), 1000))
  const late = new EventEmitter()
  meddleOnce(t, 'refresh', async job => {
    const answer = await job
    await once(late, 'now')
    return answer
  })
  const [first, second] = [file.refresh(), file.refresh()]
  const closed = file.close()
  setImmediate(() => late.emit('now'))
  for (const refreshing of [first, second]) await t.throwsAsync(refreshing, { code: 'ERR_FILE_CLOSED' })
  await closed
})
