// The command line of the matrix. What it does not understand becomes one line that names it and the nearest valid word.
import { Command, CommanderError, Option } from 'commander'
import { closest } from 'fastest-levenshtein'
import { resultsFolder } from './results.mjs'

export class UsageError extends Error {}

/**
 * @param {string[]} words
 * @param {import('../experiments/index.mjs').Experiment[]} experiments
 */
export function parseOptions(words, experiments) {
  const program = new Command('zx bench/matrix.mjs')
    .description(
      'Runs experiments on memory-mapped and conventional reads, and judges what others have claimed of them.',
    )
    .argument('[experiment...]', 'ids from --list; all of them when none is named')
    .addOption(new Option('--quick', 'a few sizes, minutes in all (the default)').conflicts(['full', 'toy']))
    .addOption(new Option('--full', 'every size and number of members, tens of minutes').conflicts(['quick', 'toy']))
    .addOption(new Option('--toy', 'the smallest size, each variant once: checks the answers, decides nothing'))
    .option('--list', 'print the experiments with their questions')
    .option('--out <DIR>', 'the folder in which the folder of results is made', resultsFolder)
    .option('--json', 'print the summary, and nothing else, to standard output')
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  const { full, toy, list = false, out, json = false } = parse(program, words)
  const ids = experiments.map(({ id }) => id)
  const unknown = program.args.find(id => !ids.includes(id))
  if (unknown !== undefined) throw new UsageError(nearest('experiment', unknown, ids))
  return {
    chosen: program.args.length === 0 ? experiments : experiments.filter(({ id }) => program.args.includes(id)),
    size: /** @type {import('./cells.mjs').RunSize} */ (full ? 'full' : toy ? 'toy' : 'quick'),
    list,
    out,
    json,
  }
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
