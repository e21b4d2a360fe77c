// The command line of the matrix. What it does not understand becomes one line that names it and the nearest valid word.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { closest } from 'fastest-levenshtein'
import { UsageError } from './requirements.mjs'
import { readEnvironment, resultsFolder } from './results.mjs'

/** @type {('Markdown' | 'Csv' | 'Json')[]} */
const EXPORTS = ['Markdown', 'Csv', 'Json']

/**
 * @param {string[]} words
 * @param {import('../experiments/index.mjs').Experiment[]} experiments
 */
export function parseOptions(words, experiments) {
  const program = new Command('zx bench/matrix.mjs')
    .addHelpText(
      'after',
      `
zx bench/matrix.mjs compare <A> <B>...  sets folders of results side by side
zx bench/matrix.mjs power <FOLDER>...   how often a known slow-down is seen, and one where there is none
zx bench/matrix.mjs predict <FOLDER>    what a calibrated law predicts of its counts for 8 threads
zx bench/matrix.mjs report <FOLDER>     writes the reports of a folder anew
zx bench/matrix.mjs shrink <FOLDER>...  leaves of folders what is committed: samples compressed, no reports`,
    )
    .description(
      'Runs experiments on memory-mapped and conventional reads, and judges what others have claimed of them.',
    )
    .argument('[experiment...]', 'ids from --list; when none is named, those that answer first, in minutes')
    .addOption(new Option('--quick', 'a few sizes, minutes in all (the default)').conflicts(['full', 'toy']))
    .addOption(new Option('--full', 'every size and number of workers, tens of minutes').conflicts(['quick', 'toy']))
    .addOption(new Option('--toy', 'the smallest size, each variant once: checks the answers, decides nothing'))
    .addOption(
      new Option(
        '--budget <MINUTES>',
        'what all cells together may take, and each experiment that measures for itself',
      ).argParser(minutes),
    )
    .option('--node <VERSIONS>', 'run it on each of these versions of Node in turn, as 20,22,24,26, which npm installs')
    .option('--list', 'print the experiments with their questions')
    .option('--out <DIR>', 'the folder in which the folder of results is made', resultsFolder)
    .addOption(
      new Option(
        '--resume <FOLDER>',
        'goes on with an interrupted run: its experiments and size, its samples',
      ).conflicts(['full', 'toy', 'quick', 'out']),
    )
    .option('--json', 'print the summary, and nothing else, to standard output')
    .addOption(new Option('--export-markdown <FILE>', 'write the screen and all tables as Markdown').conflicts('node'))
    .addOption(new Option('--export-csv <FILE>', 'write a line for each claim as CSV').conflicts('node'))
    .addOption(new Option('--export-json <FILE>', 'write the summary as JSON').conflicts('node'))
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  const { full, toy, budget, node, list = false, out, json = false, resume, ...others } = parse(program, words)
  if (resume !== undefined && program.args.length > 0) {
    throw new UsageError('--resume goes on with the experiments of the folder: name none')
  }
  const asked = resume === undefined ? undefined : readEnvironment(resume).asked
  const names = asked?.experiments ?? program.args
  const ids = experiments.map(({ id }) => id)
  const unknown = names.find(id => !ids.includes(id))
  if (unknown !== undefined) throw new UsageError(nearest('experiment', unknown, ids))
  /** @type {import('./cells.mjs').RunSize} */
  const size = asked?.size ?? (full ? 'full' : toy ? 'toy' : 'quick')
  const usual = experiments.filter(({ named, brief }) => (size === 'quick' ? brief : !named))
  return {
    chosen:
      names.length > 0 ? experiments.filter(({ id }) => names.includes(id)) : size === 'toy' ? experiments : usual,
    /** Those that a run does without unless they are named. */
    leftOut: names.length > 0 || size === 'toy' ? [] : experiments.filter(one => !usual.includes(one)),
    size,
    /** In milliseconds. @type {number | undefined} */
    budget: budget ?? asked?.budget,
    /** Versions of Node to run it on instead of on this one. @type {string[] | undefined} */
    nodes: node?.split(','),
    list,
    out,
    json,
    /** Files that are written beside the folder of results. */
    exports: EXPORTS.flatMap(format => {
      const file = others[`export${format}`]
      return file === undefined ? [] : [{ format, file }]
    }),
    resume,
  }
}

/** @param {string} word */
function minutes(word) {
  const value = Number(word)
  if (!(value > 0)) throw new InvalidArgumentError('it is a number of minutes above 0.')
  return value * 60_000
}

/** @param {Command} program @param {string[]} words */
function parse(program, words) {
  try {
    return program.parse(words, { from: 'user' }).opts()
  } catch (error) {
    if (!(error instanceof CommanderError) || error.exitCode === 0) throw error
    if (error.code !== 'commander.unknownOption')
      throw new UsageError(error.message.split('\n')[0].replace(/^error: /, ''))
    const [, option] = error.message.match(/'(.*)'/)
    throw new UsageError(nearest('option', option, [...program.options.map(({ long }) => long), '--help']))
  }
}

const nearest = (kind, word, valid) => `unknown ${kind} '${word}', the nearest is '${closest(word, valid)}'`
