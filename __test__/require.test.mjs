// The package works with require() and with import, and exports only its public names.

import { createRequire } from 'node:module'
import test from 'ava'
import * as imported from 'faultless'

test('require() and import return the same exports', t => {
  const required = createRequire(import.meta.url)('faultless')
  t.is(required.MappedFile, imported.MappedFile)
  t.is(required.mmapRead, imported.mmapRead)
  t.is(required.capabilities, imported.capabilities)
})

test('nothing but the public names is exported', t => {
  t.deepEqual(Object.keys(imported).sort(), ['MappedFile', 'allocator', 'capabilities', 'mmapRead'])
})
