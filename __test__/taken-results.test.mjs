// Memory of short results that somebody takes away: threads of the pool never write to it again, and every other read has its bytes.
// Seen to fail, on Node 20 and 22: where the pool writes to blocks that earlier results are parts of, reads come out empty, Buffers of
// others are overwritten, and some runs end with SIGSEGV.

import test from 'ava'
import { MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
import { program } from './helpers/rig.mjs'

const REFUSED = { ofNode: 'refused', earlier: 'refused', neighbour: 'kept' }
const TAKEN = { ofNode: 'taken', earlier: 'taken', neighbour: '0 bytes' }

/**
 * What each line of Node lets somebody do with a short result, and with a Buffer out of its own pool, which is no better off:
 * where a result is taken, those that share its block go with it. Node 20 copies what structuredClone() is to transfer.
 */
const LINES = {
  20: { 'byte stream': TAKEN, structuredClone: { ofNode: 'copied', earlier: 'copied', neighbour: 'kept' } },
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
