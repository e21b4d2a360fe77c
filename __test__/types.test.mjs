// The types compile in programs of users: with the current TypeScript, with one before 5.7, and in the resolutions of
// modules that programs use.

import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { temporaryFolder } from './helpers/files.mjs'
import { required } from './helpers/rig.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const run = promisify(execFile)

const CURRENT = 'node_modules/typescript'
const OLDER = '__test__/peers/node_modules/typescript-5.4'
const missing = fs.existsSync(join(root, OLDER)) ? undefined : 'npm ci --prefix __test__/peers was not run'

/** What the compiler prints for a program that has the package and @types/node installed. */
async function compiled(t, compiler, text, options) {
  const folder = temporaryFolder(t)
  fs.mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
  fs.symlinkSync(root, join(folder, 'node_modules/faultless'))
  for (const name of ['@types/node', 'undici-types']) {
    fs.cpSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true })
  }
  fs.writeFileSync(join(folder, 'program.ts'), text)
  fs.writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable', 'dom'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    preserveSymlinks: true,
    noEmit: true,
    ...options,
  }
  fs.writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }))
  const tsc = join(root, compiler, 'bin/tsc')
  return run(process.execPath, [tsc, '-p', '.'], { cwd: folder }).catch(failure => failure)
}

const program = name => fs.readFileSync(join(root, `__test__/types/${name}.ts`), 'utf8')

// Seen to fail: with `{ flags: 'r+' }` taken for options that may share views, with Buffer<ArrayBuffer> in what 5.4 reads,
// without a reference to @types/node, without typesVersions, and with '#binding' in a declaration.
for (const [how, compiler, text, options] of [
  ['current TypeScript', CURRENT, program('current'), {}],
  ['current TypeScript, for a bundler', CURRENT, program('current'), { module: 'esnext', moduleResolution: 'bundler' }],
  ['current TypeScript that is not told of @types/node', CURRENT, program('entries'), { types: [] }],
  ['older TypeScript', OLDER, program('older'), {}],
  [
    'older TypeScript that resolves as Node 10',
    OLDER,
    program('older'),
    { module: 'commonjs', moduleResolution: 'node10' },
  ],
]) {
  required(compiler === OLDER ? missing : undefined)(
    `a program compiles with ${how}, declarations included`,
    async t => {
      const { stdout, code } = await compiled(t, compiler, text, options)
      t.is(stdout, '')
      t.is(code, undefined)
    },
  )
}

// Seen to fail: the compiler named the overload for flags alone.
test('the error of a misspelt option of open() names the option', async t => {
  const text = "import { MappedFile } from 'faultless'\nawait MappedFile.open('x', { flag: 'r+' })\n"
  const { stdout } = await compiled(t, CURRENT, text, {})
  t.regex(stdout, /'flag' does not exist in type 'OpenOptions'/)
  t.regex(stdout, /write 'flags'/)
})
