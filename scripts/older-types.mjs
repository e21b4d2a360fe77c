// Writes the declarations of dist/ once more, for TypeScript before 5.7, where Buffer and typed arrays say nothing of their memory.
//
//   node scripts/older-types.mjs [DIST]

import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const dist = process.argv[2] ?? fileURLToPath(new URL('../dist/', import.meta.url))
const older = join(dist, 'ts5.6')
const parameters = /\b(Buffer|(?:Big)?(?:Int|Uint|Float)(?:8|16|32|64)(?:Clamped)?Array)<(?:[^<>]|<[^<>]*>)*>/g

fs.rmSync(older, { recursive: true, force: true })
for (const path of fs.readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (!path.endsWith('.d.ts')) continue
  fs.mkdirSync(dirname(join(older, path)), { recursive: true })
  fs.writeFileSync(join(older, path), fs.readFileSync(join(dist, path), 'utf8').replace(parameters, '$1'))
}
