// The types compile in programs of users: with the current TypeScript, and with one before 5.7.

import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { temporaryFolder } from './helpers/files.mjs'
import { required } from './helpers/rig.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const run = promisify(execFile)

// Seen to fail: with `{ flags: 'r+' }` taken for options that may share views, and with Buffer<ArrayBuffer> in what 5.4 reads.
for (const [program, typescript] of [
  ['current', 'node_modules/typescript'],
  ['older', '__test__/peers/node_modules/typescript-5.4'],
]) {
  const compiler = join(root, typescript, 'bin/tsc')
  const missing = fs.existsSync(compiler) ? undefined : 'npm ci --prefix __test__/peers was not run'
  required(missing)(
    `a program compiles with ${program} TypeScript, the declarations of the package included`,
    async t => {
      const folder = temporaryFolder(t)
      fs.mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
      fs.symlinkSync(root, join(folder, 'node_modules/faultless'))
      for (const name of ['@types/node', 'undici-types']) {
        fs.cpSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true })
      }
      fs.copyFileSync(join(root, `__test__/types/${program}.ts`), join(folder, 'program.ts'))
      fs.writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
      const compilerOptions = {
        module: 'nodenext',
        target: 'es2022',
        lib: ['es2022', 'esnext.disposable', 'dom'],
        types: ['node'],
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        preserveSymlinks: true,
        noEmit: true,
      }
      fs.writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }))
      const outcome = await run(process.execPath, [compiler, '-p', '.'], { cwd: folder }).catch(failure => failure)
      t.is(outcome.stdout, '')
      t.is(outcome.code, undefined)
    },
  )
}
