// Short results whose memory is transferred: pool threads never write to it again, and all other reads keep their
// bytes.
//
// Seen to fail on Node 20 and 22: if the pool writes to blocks that contain earlier results, reads are empty, Buffers of
// other callers are overwritten, and some runs end with SIGSEGV.

import test from 'ava'
import { MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
import { program } from './helpers/rig.mjs'

/** A result of the pool is taken alone, whatever becomes of a Buffer out of Node's own pool. */
const ALONE = { earlier: 'taken', neighbour: 'kept' }
const REFUSED = { ofNode: 'refused', ...ALONE }
const TAKEN = { ofNode: 'taken', ...ALONE }

/** What each line of Node lets somebody do with a Buffer out of its own pool. Node 20 copies what structuredClone() is to transfer. */
const LINES = {
  20: { 'byte stream': TAKEN, structuredClone: { ofNode: 'copied', ...ALONE } },
  22: { 'byte stream': TAKEN, structuredClone: REFUSED, transfer: TAKEN },
  24: { 'byte stream': REFUSED, structuredClone: REFUSED, transfer: REFUSED },
}

test('short results that are taken while reads wait for the pool take nothing from those reads, nor from others', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  const env = { FAULTLESS_INLINE: 'off', UV_THREADPOOL_SIZE: '1' }
  const report = await program(t, 'taken-results', [path], { env })
  const expected = LINES[process.versions.node.split('.')[0]] ?? LINES[24]
  t.deepEqual(Object.keys(report), Object.keys(expected))
  for (const [way, found] of Object.entries(report)) {
    t.deepEqual(found, { ...expected[way], empty: '0', wrong: 0, overwritten: 0 }, way)
  }
})
