// Property tests: 100,000 calls of every method with arbitrary arguments, each compared with fs.readSync; and 20,000
// that write, after which the file must have the written bytes. They run in their own process, where a crash is a
// failure.
//
// Seen to fail: without the check whether a target is still large enough, with the length that a target claims, with
// descriptors that are not integers; with a write() that copies its data a turn later, or writes it one byte further
// on; with a close() that leaves locks. It found: a class of the caller that was asked to copy its data, lists that lie
// about their length, and streams with a high water mark of 0, which hung.

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
