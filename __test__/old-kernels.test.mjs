// Kernels without MADV_POPULATE_READ: FAULTLESS_POPULATE=touch makes a new kernel look like one.

import test from 'ava'
import { MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
import { methods } from './helpers/ranges.mjs'
import { program } from './helpers/rig.mjs'

test('without MADV_POPULATE_READ every method gives the same bytes', async t => {
  const path = seededFile(temporaryFolder(t), 8 * MiB - 99)
  const result = await program(t, 'random-ranges', [path, 500], { env: { FAULTLESS_POPULATE: 'touch' } })
  t.deepEqual(result, { populate: 'touch', methods: Object.keys(methods).length })
})
