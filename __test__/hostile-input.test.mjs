// Property tests: 100,000 calls of every method with arbitrary arguments, each compared with fs.readSync; and 20,000
// that write, after which the file must have the written bytes. They run in their own process, where a crash is a
// failure.
//
// Seen to fail: without the check whether a target is still large enough; if the `length` property of a target is used;
// with descriptors that are not integers; if write() copies its data a turn later, or writes it at the next byte; if
// close() leaves locks. It has found: calls of methods that a class of the caller overrides, lists with a wrong length,
// and streams with a highWaterMark of 0, which hung.

import test from 'ava'
import { program } from './helpers/rig.mjs'

const CASES = 100_000

test('100,000 hostile calls: no crash, no wrong byte, every refusal with its class and code', async t => {
  const result = await program(t, 'hostile-input', ['--cases', CASES, '--seed', 7], { timeout: 400_000 })
  t.log(JSON.stringify(result))
  t.true(result.cases >= CASES)
  // Each kind of case occurred. Otherwise the test would show less than its title.
  for (const kind of ['answered', 'refused', 'meddled', 'aborted', 'closed', 'written', 'tampered'])
    t.true(result[kind] > 100, kind)
})
