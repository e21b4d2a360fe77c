// What the documentation quotes of runs: the tables between its markers, made from the folders that are quoted.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { anchorOf } from '../../scripts/links.mjs'
import { experiments } from '../experiments/index.mjs'
import { checksOf } from '../harness/control.mjs'
import { recordedCells } from '../harness/recorded.mjs'
import { readSamples, samplesName } from '../harness/results.mjs'
import { eventLoopPicture } from './event-loop.mjs'
import { claimTable, commitText, experimentTable, headingOf, machine, table } from './markdown.mjs'
import { resultsOf } from './screen.mjs'
import { tally } from './summary.mjs'

/** Which folder is quoted for which experiment. */
const QUOTED = 'bench/results/quoted.json'
/** What can be drawn from a run: for which experiment, and what it shows to those who cannot see it. */
const PICTURES = {
  'event-loop.svg': {
    id: 'cache',
    draw: eventLoopPicture,
    shows: 'Delay of timers while files are read from a disk: by indexing a mapped Buffer, and by chunks()',
  },
  'retention.svg': {
    id: 'retention',
    draw: folder => readFileSync(join(folder, 'retention.svg'), 'utf8').trimEnd(),
    shows: 'How much faster workers read, and how much programs hold when they idle, under each malloc',
  },
}
/** What all quoted runs came to, on one screen. */
const SCREEN = 'screen'
/** Whose folder the screen takes its locks from, the first of them that is quoted. */
const LOCKS = ['conclusion', 'gap', 'reuse']
/** What an experiment has written for documents to show. */
const TABLE = /^([\w-]+)\.md$/
const BEGIN = /^<!-- matrix:begin.*$/gm
const END = /^<!-- matrix:end -->$/gm
const MARKED = /^<!-- matrix:begin(?: (.+))? -->\n([\s\S]*?)^<!-- matrix:end -->$/gm

/**
 * @typedef {{ folder: string, environment: import('../experiments/index.mjs').Environment, rows: import('../harness/verdict.mjs').Row[], samples: string, table: string }} Run `table` is what the experiment wrote for documents
 * @typedef {Map<string, Run>} Runs by experiment
 */

/**
 * The files that quote runs, as they should be: README.md and docs/*.md, between their markers, and the list of what is
 * quoted. Each folder given is quoted, from now on, for all experiments that it has.
 * @param {string} root of the repository @param {string[]} folders the last one counts where several have an experiment
 * @returns {Map<string, string>} text by name
 */
export function quotingFiles(root, folders) {
  const quoted = quotedFolders(root, folders)
  const runs = readRuns(root, quoted)
  const documents = ['README.md', ...readdirSync(join(root, 'docs')).map(name => `docs/${name}`)]
    .filter(name => name.endsWith('.md'))
    .map(name => ({ name, text: readFileSync(join(root, name), 'utf8') }))
  const elsewhere = documents.flatMap(wholeExperiments)
  const files = documents.map(document => [document.name, filled(document, runs, elsewhere, () => screen(root, runs))])
  return new Map([[QUOTED, `${JSON.stringify(quoted, undefined, 2)}\n`], ...files, ...pictures(root, documents, runs)])
}

/** Those that markers ask for, and that there is a run for. */
function pictures(root, documents, runs) {
  const asked = documents.flatMap(({ text }) => [...text.matchAll(MARKED)].map(([, words]) => words))
  return Object.entries(PICTURES)
    .filter(([name, { id }]) => asked.includes(name) && runs.has(id))
    .map(([name, { id, draw }]) => [`docs/${name}`, `${draw(join(root, runs.get(id).folder))}\n`])
}

/** In the order of the experiments. @returns {Record<string, string>} */
function quotedFolders(root, folders) {
  const list = join(root, QUOTED)
  const quoted = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : {}
  for (const given of folders) {
    const folder = relative(resolve(root), resolve(given)).replaceAll(sep, '/')
    if (folder.startsWith('..'))
      throw new Error(`${given} is outside the repository, whose documents cannot link to it`)
    for (const { experiment } of readJson(root, folder, 'summary.json')) quoted[experiment] = folder
  }
  for (const id of Object.keys(quoted)) mustExist(id, QUOTED)
  const ids = experiments.map(({ id }) => id).filter(id => Object.hasOwn(quoted, id))
  return Object.fromEntries(ids.map(id => [id, quoted[id]]))
}

/** @returns {Runs} */
function readRuns(root, quoted) {
  const folders = new Map(
    [...new Set(Object.values(quoted))].map(folder => [
      folder,
      {
        environment: readJson(root, folder, 'environment.json'),
        rows: readJson(root, folder, 'summary.json'),
        samples: samplesName(join(root, folder)) ?? 'samples.jsonl',
      },
    ]),
  )
  return new Map(
    Object.entries(quoted).map(([id, folder]) => {
      const { environment, rows, samples } = folders.get(folder)
      const own = rows.filter(({ experiment }) => experiment === id).map(inTodaysWords)
      if (own.length === 0) throw new Error(`${QUOTED} names ${folder} for '${id}', which it does not have`)
      const written = join(root, folder, `${id}.md`)
      const table = existsSync(written) ? readFileSync(written, 'utf8').trimEnd() : ''
      return [id, { folder, environment, rows: own, samples, table }]
    }),
  )
}

/** A recorded claim with its text of today: an edit of the text does not change what was measured. */
function inTodaysWords(row) {
  const claim = experimentOf(row.experiment)?.claims.find(({ id }) => id === row.claim.id)
  return claim ? { ...row, claim: { ...row.claim, text: claim.text } } : row
}

function readJson(root, folder, name) {
  try {
    return JSON.parse(readFileSync(join(root, folder, name), 'utf8'))
  } catch (error) {
    throw new Error(`${folder} is no folder of results: ${error.message}`)
  }
}

/** What the markers of a document name: experiments, or claims by their ids, or a picture, or nothing, which is all the rest. */
function namesOf(words, document) {
  if (words === SCREEN) return { names: [], claims: false }
  if (Object.hasOwn(PICTURES, words)) return { names: [], claims: false, picture: words }
  const [, own] = TABLE.exec(words) ?? []
  if (own !== undefined) {
    mustExist(own, document)
    return { names: [], claims: false, own }
  }
  const names = words?.split(/\s+/) ?? []
  const claims = names.filter(name => name.includes('/'))
  if (claims.length > 0 && claims.length < names.length)
    throw new Error(`${document}: markers name either experiments or claims, not both: ${words}`)
  for (const name of names) mustExist(name, document)
  return { names, claims: claims.length > 0 }
}

function mustExist(name, place) {
  const [id] = name.split('/')
  const experiment = experimentOf(id)
  if (!experiment || (id !== name && !experiment.claims.some(claim => claim.id === name)))
    throw new Error(`${place}: there is no ${id === name ? 'experiment' : 'claim'} '${name}'`)
}

/** Those that a document has all claims of. */
function wholeExperiments({ name, text }) {
  return [...text.matchAll(MARKED)].flatMap(([, words]) => {
    const { names, claims } = namesOf(words, name)
    return claims ? [] : names.map(id => ({ id, document: name }))
  })
}

function filled({ name, text }, runs, elsewhere, screen) {
  const count = pattern => text.match(pattern)?.length ?? 0
  const marked = count(MARKED)
  if (count(BEGIN) !== marked || count(END) !== marked)
    throw new Error(`${name}: each <!-- matrix:begin … --> needs a <!-- matrix:end --> after it, each on its own line`)
  const link = path => relative(dirname(name), path).replaceAll(sep, '/')
  return text.replace(MARKED, (_, words) => {
    const parts = words === SCREEN ? screen() : partsOf(namesOf(words, name), runs, elsewhere, link)
    const lines = parts.length > 0 ? `${parts.join('\n\n')}\n` : ''
    return `<!-- matrix:begin${words ? ` ${words}` : ''} -->\n${lines}<!-- matrix:end -->`
  })
}

function partsOf({ names, claims, picture, own }, runs, elsewhere, link) {
  if (picture) return shownPicture(picture, runs, link)
  if (own) return runs.has(own) ? [...origins([own], runs, link), runs.get(own).table] : missing([own], runs)
  if (claims) return pickedClaims(names, runs, link)
  return names.length > 0 ? experimentTables(names, runs, link) : theRest(runs, elsewhere, link)
}

/** All claims that are quoted, and the locks of one run. */
function screen(root, runs) {
  const run = LOCKS.map(id => runs.get(id)).find(Boolean)
  if (!run) return []
  const samples = readSamples(join(root, run.folder))
  const cells = [...recordedCells(samples).values()]
  const rows = [...runs.values()].flatMap(({ rows }) => rows)
  return [`\`\`\`text\n${resultsOf({ rows, cells, ...checksOf(samples, cells) })}\n\`\`\``]
}

function shownPicture(name, runs, link) {
  const { id, shows } = PICTURES[name]
  return runs.has(id) ? [`![${shows}](${link(`docs/${name}`)})`] : []
}

function pickedClaims(names, runs, link) {
  const idOf = name => name.split('/')[0]
  const ids = [...new Set(names.map(idOf))]
  const measured = ids.filter(id => runs.has(id))
  const rows = names.flatMap(name => {
    const run = runs.get(idOf(name))
    if (!run) return []
    const row = run.rows.find(({ claim }) => claim.id === name)
    if (!row) throw new Error(`${run.folder} does not have the claim '${name}'`)
    return [row]
  })
  const all = [...runs.values()].flatMap(run => run.rows)
  return [
    ...origins(measured, runs, link),
    ...(rows.length > 0 ? [claimTable(rows), `All ${all.length} claims of committed runs: ${tally(all)}.`] : []),
    ...missing(ids, runs),
  ]
}

function experimentTables(ids, runs, link) {
  const parts = []
  let before
  for (const id of ids.filter(one => runs.has(one))) {
    const { folder, rows } = runs.get(id)
    const together = ids.filter(one => runs.get(one)?.folder === folder)
    if (folder !== before) parts.push(...origins(together, runs, link))
    before = folder
    parts.push(experimentTable(experimentOf(id), rows))
  }
  return [...parts, ...missing(ids, runs)]
}

/** How all experiments came out, and the tables of those that are whole nowhere else, those of one folder together. */
function theRest(runs, elsewhere, link) {
  const others = elsewhere.filter(({ id }) => runs.has(id))
  const rest = [...runs.keys()].filter(id => !others.some(other => other.id === id))
  const folders = [...new Set(rest.map(id => runs.get(id).folder))]
  const ordered = folders.flatMap(folder => rest.filter(id => runs.get(id).folder === folder))
  const overview = [...runs].map(([id, { rows }]) => {
    const experiment = experimentOf(id)
    const other = others.find(one => one.id === id)
    const place = `${other ? link(other.document) : ''}#${anchorOf(headingOf(experiment))}`
    return [`[${experiment.title}](${place})`, experiment.question, tally(rows)]
  })
  return [table(['experiment', 'question', 'claims'], overview), ...experimentTables(ordered, runs, link)]
}

const experimentOf = wanted => experiments.find(({ id }) => id === wanted)

/** By which command, when and on which machine the numbers of experiments came about: a paragraph for each machine. */
function origins(ids, runs, link) {
  const machines = new Map()
  for (const folder of new Set(ids.map(id => runs.get(id).folder))) {
    const own = ids.filter(id => runs.get(id).folder === folder)
    const { environment } = runs.get(own[0])
    const raw = [runs.get(own[0]).samples, 'environment.json'].map(
      name => `[${name.split('.')[0]}](${link(`${folder}/${name}`)})`,
    )
    const named = own.map(id => `\`${id}\``).join(', ')
    const run = `${named} by \`${environment.command}\` at commit ${commitText(environment)} (${raw.join(', ')})`
    const key = machine(environment)
    machines.set(key, [...(machines.get(key) ?? []), run])
  }
  return [...machines].map(([where, found]) => `${where} Means of passes with 95 % intervals: ${found.join('; ')}.`)
}

function missing(ids, runs) {
  const names = ids.filter(id => !runs.has(id))
  if (names.length === 0) return []
  const command = `npx zx bench/matrix.mjs ${names.join(' ')} --full`
  return [`No run of ${names.map(id => `\`${id}\``).join(', ')} is committed; \`${command}\` measures.`]
}
