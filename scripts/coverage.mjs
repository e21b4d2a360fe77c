// Writes docs/coverage.md: what the five sources state, and which experiment answers it. With --check it only says whether that
// is so already.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { experiments } from '../bench/experiments/index.mjs'
import { rows } from '../bench/experiments/rows.mjs'
import { asyncHazard, contention, kernelLock, mappingModule, prefaulting } from '../bench/experiments/sources.mjs'
import { table } from '../bench/report/markdown.mjs'

const SOURCES = { W: contention, M: mappingModule, K: kernelLock, A: asyncHazard, G: prefaulting }
const path = fileURLToPath(new URL('../docs/coverage.md', import.meta.url))

/** Throws where a row has no answer, and where an experiment names a row that there is none of. */
export function coverage(all = rows, tried = experiments) {
  const known = new Set(all.map(([id]) => id))
  for (const { id, answers = [] } of tried) {
    const unknown = answers.find(row => !known.has(row))
    if (unknown !== undefined) throw new Error(`${id} answers ${unknown}, which is no row`)
  }
  const sections = Object.entries(SOURCES).map(([letter, { title, author }]) => {
    const own = all.filter(([id]) => id.startsWith(letter))
    return `## ${title}\n\nBy ${author}.\n\n${table(
      ['row', 'statement', 'answered by'],
      own.map(row => [row[0], row[1], answerOf(row, tried)]),
    )}`
  })
  return `# What the sources state, and what answers it

Each statement, step, caveat and question of the five sources has a row. An experiment is run by its name: \`zx bench/matrix.mjs gap\`.
[results.md](results.md) has what came out. \`node scripts/coverage.mjs\` writes this page from what the experiments declare.

${sections.join('\n\n')}
`
}

function answerOf([id, , reason], tried) {
  const names = tried.filter(({ answers = [] }) => answers.includes(id)).map(experiment => `\`${experiment.id}\``)
  if (names.length === 0 && reason === undefined) throw new Error(`${id} has no answer`)
  return [names.join(', '), reason].filter(Boolean).join('; ')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = coverage()
  if (!process.argv.includes('--check')) writeFileSync(path, text)
  else if (readFileSync(path, 'utf8') !== text) {
    console.error('docs/coverage.md is stale: node scripts/coverage.mjs writes it anew')
    process.exitCode = 1
  }
}
