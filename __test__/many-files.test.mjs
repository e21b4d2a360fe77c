// Many files under small limits: mmapRead keeps no descriptor of its mapped files, a handle holds one, and EMFILE is
// reported as such.
//
// Seen to fail: if descriptors stay open as long as a file is mapped, the 127th file is refused with EMFILE, and so are
// sockets; if a handle needs two descriptors, EMFILE is reported for dup.

import test from 'ava'
import { seededFile, temporaryFolder } from './helpers/files.mjs'
import { needs, program } from './helpers/rig.mjs'

// Files that are open at the same time: 16 in each job of up to 3, and long ones, of which there are none here.
const AT_ONCE = 3 * 16

for (const [name, files, limit, workers] of [
  ['4 workers, 256 descriptors', Number(process.env.FAULTLESS_TEST_FILES ?? 20_000), 256, 4],
  ['the main thread, 1,024 descriptors', 2000, 1024, 0],
]) {
  needs('root').serial(`${files} files, 64 at a time: ${name}`, async t => {
    const args = [temporaryFolder(t), files, limit, workers]
    const { wrong, before, most, after, kept, opened, others } = await program(t, 'many-files', args)
    t.deepEqual(wrong, [])
    // A worker has some descriptors of its own, for its event loop.
    t.true(most <= before + AT_ONCE + 20 * workers, `${most} descriptors at most, ${before} before`)
    t.true(after <= before + 8, `${after} descriptors are left, ${before} before`)
    t.is(others, 'hello', 'files and sockets of others')
    t.is(kept.descriptors, 0, 'what is mapped needs none')
    t.is(kept.mappings, 1)
    t.true(kept.all < 5000, `${kept.all} mappings`)
    t.is(opened, 1, 'one for an open handle')
  })
}

test('without a free descriptor, opening fails with EMFILE and a cure; one free descriptor is enough', async t => {
  const path = seededFile(temporaryFolder(t), 100)
  const { full, withOne } = await program(t, 'no-descriptors', [path])
  for (const [how, error] of Object.entries(full)) {
    const syscall = how === 'by a FileHandle' ? 'dup' : 'open'
    t.deepEqual(error, { code: 'EMFILE', syscall, path, says: true }, how)
  }
  t.deepEqual(withOne, { 'by path': 'opened', 'by a FileHandle': 'opened', 'by mmapRead': 100 })
})
