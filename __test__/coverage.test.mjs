// docs/coverage.md has an answer to each statement of the sources, and matches the declarations of the experiments.

import { readFileSync } from 'node:fs'
import test from 'ava'
import { coverage } from '../scripts/coverage.mjs'

test('docs/coverage.md matches the experiments', t => {
  t.is(readFileSync(new URL('../docs/coverage.md', import.meta.url), 'utf8'), coverage())
})

test('a row that nothing answers is refused, and an answer to no row', t => {
  t.throws(() => coverage([['W1', 'a statement']], []), { message: 'W1 has no answer' })
  const gap = { id: 'gap', answers: ['W2'] }
  t.throws(() => coverage([['W1', 'a statement', 'a reason']], [gap]), { message: 'gap answers W2, which is no row' })
  t.true(coverage([['W2', 'a statement']], [gap]).includes('| W2 | a statement | `gap` |'))
})
