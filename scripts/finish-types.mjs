// Finishes the declarations of dist/, which the compiler has written: they work in every resolution of modules, and
// without @types in the `types` of a tsconfig. Then writes them once more, for TypeScript before 5.7, where Buffer and
// typed arrays have no parameter for their memory.
//
//   node scripts/finish-types.mjs [DIST]

import fs from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const dist = process.argv[2] ?? fileURLToPath(new URL('../dist/', import.meta.url))
const older = join(dist, 'ts5.6')
const parameters = /\b(Buffer|(?:Big)?(?:Int|Uint|Float)(?:8|16|32|64)(?:Clamped)?Array)<(?:[^<>]|<[^<>]*>)*>/g
const { exports } = JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const entries = Object.values(exports).flatMap(({ types }) => types ?? [])
const REFERENCE = '/// <reference types="node" />\n'

fs.rmSync(older, { recursive: true, force: true })
for (const path of fs.readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (!path.endsWith('.d.ts')) continue
  const text = fs.readFileSync(join(dist, path), 'utf8').replace(REFERENCE, '')
  const isEntry = entries.includes(`./dist/${path.replaceAll('\\', '/')}`)
  for (const [folder, types] of [
    [dist, text],
    [older, text.replace(parameters, '$1')],
  ]) {
    const target = join(folder, path)
    fs.mkdirSync(dirname(target), { recursive: true })
    // binding.d.ts is next to dist/. The name '#binding' exists only where TypeScript reads `imports` of package.json.
    const binding = relative(dirname(target), join(dist, '../binding.js')).replaceAll('\\', '/')
    fs.writeFileSync(
      target,
      (isEntry ? REFERENCE : '') + types.replace(/(['"])(?:#binding|(?:\.\.\/)+binding\.js)\1/g, `'${binding}'`),
    )
  }
}
