// Views, reads and the addon end while they are in use: close(), garbage collection, terminate(), process.exit().
//
// Without protection these crash: the views of a worker are detached while zlib uses them, the addon is unloaded with
// its signal handler. Seen to fail: with mappings that are never unmapped, the tests that wait for the release of a
// file. Not seen to fail: an addon that may be unloaded, because Node 20 with glibc 2.36 keeps it; jobs that do not
// hold their file, because terminate() and exit wait for running jobs, and because another handle keeps the mapping.

import test from 'ava'
import { runNode } from './helpers/fault-rig.mjs'
import { MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
import { program, programPath } from './helpers/rig.mjs'

const file = t => seededFile(temporaryFolder(t), 16 * MiB)

test.serial('40 workers terminated while zlib, crypto, a socket and fs use their views', async t => {
  const result = await program(t, 'life-terminate', [file(t), 'life-worker', 40])
  t.deepEqual(result, { terminated: 40, right: true, released: true })
})

test.serial('200 workers terminated at random moments with reads in flight', async t => {
  const result = await program(t, 'life-terminate', [file(t), 'busy-worker', 200])
  t.deepEqual(result, { terminated: 200, right: true, released: true })
})

test.serial('30,000 forgotten handles, views, iterators and results leave nothing behind', async t => {
  const { mappings, descriptors, resident } = await program(t, 'life-flat', [temporaryFolder(t), 30_000])
  t.log({ mappings, descriptors, resident })
  // A leak of any of them would be thousands. The heap maps and unmaps memory of its own.
  t.true(mappings <= 200, `${mappings} mappings more`)
  t.true(descriptors <= 5, `${descriptors} descriptors more`)
  t.true(resident <= 100, `${resident} MiB more`)
})

test.serial('the last worker gone, the addon is loaded again, and the guard stands', async t => {
  t.deepEqual(await program(t, 'life-again'), ['right'])
})

for (const [way, expected] of [
  ['exit', 7],
  ['throw', 1],
]) {
  test.serial(`a process that ends by ${way} with reads in flight, here and in a worker`, async t => {
    const path = file(t)
    for (const wait of [0, 1, 3, 8, 20]) {
      const { code, signal, stderr } = await runNode(programPath('life-end'), [path, way, wait], { timeout: 30_000 })
      t.is(code, expected, `after ${wait} ms: ${signal ?? code} ${stderr}`)
      if (way === 'throw') t.true(stderr.includes('nobody catches this'), stderr)
    }
  })
}
