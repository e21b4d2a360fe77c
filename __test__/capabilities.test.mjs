// capabilities(): what the platform can do, in plain values.

import { execFileSync } from 'node:child_process'
import test from 'ava'
import { capabilities } from 'faultless'
import { seededFile, temporaryFolder } from './helpers/files.mjs'
import { program } from './helpers/rig.mjs'

test('reports the capabilities of the platform', t => {
  const found = capabilities()
  t.log(found)
  t.true(['MADV_POPULATE_READ', 'touch'].includes(found.populate))
  t.is(typeof found.residencyByPageTable, 'boolean')
  t.is(typeof found.guard, 'boolean')
  t.is(typeof found.externalBuffers, 'boolean')
  t.is(found.pageSize, Number(execFileSync('getconf', ['PAGESIZE'])))
  t.is(found.poolSize, Number(process.env.UV_THREADPOOL_SIZE ?? 4))
  for (const [name, value] of Object.entries(found)) {
    t.true(['boolean', 'number', 'string'].includes(typeof value), name)
  }
})

test('cannot be changed by the caller', t => {
  t.throws(() => {
    capabilities().pageSize = 1
  })
  t.not(capabilities().pageSize, 1)
})

// Seen to fail: each open() and each chunks() asked for the capabilities, which took far longer than the call itself.
test('no call asks the addon for its capabilities again', async t => {
  const { later, counts } = await program(t, 'count-capabilities', [seededFile(temporaryFolder(t), 1000)])
  t.true(counts, 'or the figure says nothing')
  t.true(later <= 1, `${later}`)
})
