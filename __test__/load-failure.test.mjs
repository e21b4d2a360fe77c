// If the addon does not load, the message names the cause and the cure, and doctor prints it.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { explainLoadFailure } from '../scripts/load-failure.mjs'
import { temporaryFolder } from './helpers/files.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const missing = Object.assign(new Error("Cannot find module './faultless.linux-x64-gnu.node'"), {
  code: 'MODULE_NOT_FOUND',
})
const refused = message => Object.assign(new Error(message), { code: 'ERR_DLOPEN_FAILED' })

// Seen to fail: all of them said that npm has a bug.
for (const [cause, error, machine, says] of [
  ['nothing is installed', missing, {}, /faultless-linux-x64-gnu is not installed\. .*--omit=optional/],
  [
    'another platform is installed',
    missing,
    { platform: 'darwin', arch: 'arm64', installed: 'faultless-linux-x64-gnu' },
    /faultless-darwin-arm64 is not installed, but faultless-linux-x64-gnu is/,
  ],
  [
    'another libc is installed',
    missing,
    { isMusl: true, installed: 'faultless-linux-x64-gnu' },
    /faultless-linux-x64-musl is not installed, but faultless-linux-x64-gnu is, .*libc/,
  ],
  ['there is no addon', missing, { arch: 'riscv64' }, /no addon for linux on riscv64/],
  [
    'the libc is another one',
    refused('libc.musl-x86_64.so.1: cannot open shared object file: No such file or directory'),
    {},
    /another libc than that of this machine, glibc/,
  ],
  ['glibc is too old', refused("libc.so.6: version `GLIBC_2.39' not found"), {}, /needs GLIBC_2\.39/],
  ['the processor is another one', refused('wrong ELF class: ELFCLASS32'), {}, /another processor .* linux on x64/],
  [
    'addons are not allowed',
    Object.assign(new Error('Cannot load native addon'), { code: 'ERR_DLOPEN_DISABLED' }),
    {},
    /--allow-addons/,
  ],
]) {
  test(`the message where ${cause}`, t => {
    const { installed, ...rest } = machine
    const isInstalled = name => name === installed
    const found = explainLoadFailure([missing, error], {
      platform: 'linux',
      arch: 'x64',
      isMusl: false,
      isInstalled,
      ...rest,
    })
    t.regex(found.message, says)
    t.is(found.code, 'ERR_ADDON_NOT_LOADED')
  })
}

/** The package without its addon. */
function withoutAddon(t) {
  const folder = temporaryFolder(t)
  for (const name of ['package.json', 'binding.js', 'dist']) {
    fs.cpSync(join(root, name), join(folder, name), { recursive: true })
  }
  return folder
}

// Seen to fail: doctor ended with a stack, and so did every other command.
test('doctor says why the addon does not load, and other commands end with that', t => {
  const main = join(withoutAddon(t), 'dist/lib/cli/main.js')
  const run = (...args) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
  const doctor = run('doctor', root)
  t.regex(doctor.stdout.replace(/\s+/g, ' '), /addon .*is not installed\. Remove node_modules/)
  t.is(doctor.stderr, '')
  t.is(doctor.status, 1)
  const residency = run('residency', join(root, 'package.json'))
  t.regex(residency.stderr, /The addon of faultless does not load/)
  t.false(/\n\s+at /.test(residency.stderr))
  t.is(residency.status, 3)
})

const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'

// Seen to fail: the message was that of a missing package.
test('without --allow-addons the message names it', t => {
  const program = "import('faultless').catch(error => console.log(error.code, error.message))"
  const { stdout } = spawnSync(process.execPath, [flag, '--allow-fs-read=*', '--input-type=module', '-e', program], {
    cwd: root,
    encoding: 'utf8',
  })
  t.regex(stdout, /^ERR_ADDON_NOT_LOADED .*--allow-addons/)
})

// Seen to fail: the addon read what node:fs refused.
test('paths that the permission model denies to node:fs are refused here, too', t => {
  const [allowed, other] = [temporaryFolder(t), temporaryFolder(t)]
  for (const folder of [allowed, other]) fs.writeFileSync(join(folder, 'file'), 'bytes')
  const program = `
    import fs from 'node:fs/promises'
    import { MappedFile, mmapRead } from 'faultless'
    const outcome = promise => promise.then(
      async result => (await result.close?.(), 'done'),
      ({ code, permission, resource }) => [code, permission, resource].join(),
    )
    const report = {}
    for (const folder of ${JSON.stringify([allowed, other])}) {
      const path = folder + '/file'
      report[folder] = {
        fs: await outcome(fs.open(path)), open: await outcome(MappedFile.open(path)), read: await outcome(mmapRead(path)),
        around: await outcome(MappedFile.open(${JSON.stringify(allowed)} + '/../' + folder.split('/').at(-1) + '/file')),
        fsWrites: await outcome(fs.open(path, 'r+')), writes: await outcome(MappedFile.open(path, 'r+')),
        makes: await outcome(MappedFile.open(folder + '/new', 'w+')),
      }
    }
    console.log(JSON.stringify(report))`
  const flags = [flag, '--allow-addons', `--allow-fs-read=${root}*`, `--allow-fs-read=${allowed}/*`]
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, '--input-type=module', '-e', program], {
    cwd: root,
    encoding: 'utf8',
  })
  t.notThrows(() => JSON.parse(stdout), stderr)
  const report = JSON.parse(stdout)
  const readsOf = path => `ERR_ACCESS_DENIED,FileSystemRead,${path}`
  const writesOf = path => `ERR_ACCESS_DENIED,FileSystemWrite,${path}`
  const [mine, theirs] = [allowed, other].map(folder => join(folder, 'file'))
  t.like(report[allowed], { fs: 'done', open: 'done', read: 'done', around: 'done' })
  for (const name of ['fsWrites', 'writes']) t.is(report[allowed][name], writesOf(mine), name)
  t.is(report[allowed].makes, writesOf(join(allowed, 'new')))
  for (const name of ['fs', 'open', 'read', 'around', 'writes']) t.is(report[other][name], readsOf(theirs), name)
  t.deepEqual(fs.readdirSync(allowed), ['file'])
})
