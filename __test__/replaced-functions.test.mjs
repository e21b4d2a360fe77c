// Functions that programs and tests replace or break: timers, microtasks, and jobs that fail when they are started.
//
// Seen to fail: if the current functions of the global object are called, nothing settles; if a job that could not be
// started keeps its permit, later reads and close() wait for ever.

import test from 'ava'
import { MappedFile } from 'faultless'
import { NativeFile } from '#binding'
import { MiB, seededBytes, seededFile, temporaryFolder } from './helpers/files.mjs'
import { program } from './helpers/rig.mjs'

for (const env of [{}, { FAULTLESS_INLINE: 'off' }]) {
  const how = env.FAULTLESS_INLINE ? ', all answered by the pool' : ''
  test(`under mocked timers, and with queueMicrotask replaced, every method settles${how}`, async t => {
    const folder = temporaryFolder(t)
    const paths = [seededFile(folder, 4 * MiB), seededFile(folder, 0, 2)]
    const report = await program(t, 'replaced-functions', paths, { env })
    t.true(Object.keys(report).length >= 20)
    t.deepEqual(new Set(Object.values(report)), new Set(['settled']), JSON.stringify(report))
  })
}

/** Each starts one job, of the addon's method that it is named for. */
const jobs = {
  readRanges: {
    read: file => file.read(0, 2 * MiB),
    'a read that can be aborted': file => file.read(0, 2 * MiB, { signal: new AbortController().signal }),
    readInto: file => file.readInto(Buffer.alloc(2 * MiB)),
    readMany: file => file.readMany([{ offset: 0, length: 2 * MiB }]),
    slice: file => file.slice(0),
  },
  populateRanges: {
    view: file => file.view(),
    prefault: file => file.prefault(),
  },
  write: { write: file => file.write(Buffer.alloc(10), 0) },
  flush: { flush: file => file.flush() },
  residency: { residency: file => file.residency() },
  refresh: { refresh: file => file.refresh() },
  lock: { lock: file => file.lock() },
  unlock: { unlock: file => file.unlock() },
  advise: { advise: file => file.advise('random') },
}

for (const [method, calls] of Object.entries(jobs)) {
  for (const [name, call] of Object.entries(calls)) {
    test.serial(`a job of ${name} that cannot be started fails its own call, and nothing else`, async t => {
      const path = seededFile(temporaryFolder(t), 2 * MiB)
      const file = await MappedFile.open(path, { flags: 'r+' })
      const { [method]: original } = NativeFile.prototype
      // More times than there are permits.
      for (let time = 0; time < 8; time++) {
        let thrown = false
        NativeFile.prototype[method] = function (...args) {
          if (thrown) return original.apply(this, args)
          thrown = true
          throw new Error('no job')
        }
        const calling = call(file)
        const error = await calling.then(
          () => undefined,
          error => error,
        )
        NativeFile.prototype[method] = original
        t.true(thrown, 'a job was to be started')
        t.is(error?.message, 'no job')
      }
      const other = await MappedFile.open(path)
      for (const each of [file, other]) t.true(seededBytes(2 * MiB).equals(await each.read()), 'reads and opens go on')
      t.true(seededBytes(2 * MiB).equals(await file.view()))
      await Promise.all([file.close(), other.close()])
    })
  }
}
