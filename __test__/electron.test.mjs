// Electron does not allow external buffers (V8's memory cage): views are copies there, and calls that cannot use a copy
// are refused. The test runs on Node, with an addon that answers requests for external buffers as Electron does.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
import { program, unless } from './helpers/rig.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const NAME = 'napi_create_external_arraybuffer'

unless(process.platform === 'linux' ? undefined : 'no LD_PRELOAD')('without external buffers', async t => {
  const folder = temporaryFolder(t)
  const stub = join(folder, 'stub.so')
  const source = join(root, '__test__/programs/no-external-buffers.c')
  execFileSync('cc', ['-shared', '-fPIC', '-Wall', '-Werror', '-o', stub, source])
  const built = fs.readdirSync(root).find(name => name.endsWith('.node'))
  const addon = fs.readFileSync(join(root, built))
  const at = addon.indexOf(`\0${NAME}\0`)
  t.true(at > 0)
  addon.write('X', at + NAME.length)
  const renamed = join(folder, built)
  fs.writeFileSync(renamed, addon)
  const env = { ...process.env, LD_PRELOAD: stub, NAPI_RS_NATIVE_LIBRARY_PATH: renamed }
  const found = await program(t, 'no-external-buffers', [seededFile(folder, 2 * MiB)], { env })
  t.deepEqual(found, {
    externalBuffers: false,
    sharedViews: false,
    jemalloc: false,
    backend: 'mapped',
    // All bytes of each are right.
    reads: true,
    view: true,
    viewIsOwn: true,
    tryView: true,
    chunks: true,
    written: true,
    writableView: 'ERR_UNSUPPORTED',
    shared: 'ERR_UNSUPPORTED',
    useJemalloc: 'ERR_UNSUPPORTED',
  })
})
