// One command as the program sees it: what its line may hold, its help, and how the line is read.

import { type ParseArgsConfig, parseArgs } from 'node:util'
import { type ExitCode, usage } from './exit.js'
import { largest, wrap } from './output.js'

export interface Option {
  type: 'boolean' | 'string'
  short?: string
  /** What the value is called in the help. */
  value?: string
  about: string
}

export interface Command {
  /** What follows `faultless` on the line. */
  usage: string
  about: string[]
  options: Record<string, Option>
  /** What exit code 1 means here. */
  found: string
  /** What exit code 3 means here, where it can be. */
  impossible?: string
  run(line: Line): Promise<ExitCode>
}

/** A command line, read. */
export interface Line {
  words: string[]
  json: boolean
  flag(name: string): boolean
  text(name: string): string | undefined
}

/** What every command takes. */
const COMMON: Record<string, Option> = {
  json: { type: 'boolean', about: 'print one JSON document to standard output' },
  help: { type: 'boolean', short: 'h', about: 'print this help' },
}

/** Reads what follows the name of a command. Undefined where its help is asked for. */
export function readLine(command: Command, args: string[]): Line | undefined {
  const { values, positionals } = parse(args, { ...command.options, ...COMMON })
  if (values.help) return undefined
  const text = (name: string) => values[name] as string | undefined
  return { words: positionals, json: values.json === true, flag: name => values[name] === true, text }
}

function parse(args: string[], options: Record<string, Option>) {
  try {
    const config: ParseArgsConfig = { args, options, allowPositionals: true, strict: true }
    return parseArgs(config)
  } catch (error) {
    // Its message goes on to explain how a word that begins with a dash is passed; the first sentence will do.
    const { message } = error as Error
    throw usage(message.replace(/\. To specify a positional[\s\S]*/, '').replace(/\n/g, ' '))
  }
}

export function help(name: string, command: Command): string {
  const options = Object.entries({ ...command.options, ...COMMON }).map(([long, { short, value, about }]): Row => {
    return [`${short ? `-${short}, ` : ''}--${long}${value ? ` ${value}` : ''}`, about]
  })
  const exits: Row[] = [
    ['0', 'success'],
    ['1', command.found],
    ['2', 'the command line is invalid'],
    ...(command.impossible ? [['3', command.impossible] as Row] : []),
    ['130', 'interrupted by Ctrl-C'],
  ]
  return [
    `Usage: faultless ${name} ${command.usage}`,
    ...command.about.map(paragraph => wrap(paragraph, 0)),
    `Options:\n${rows(options)}`,
    `Exit codes:\n${rows(exits)}`,
  ].join('\n\n')
}

export type Row = [string, string]

/** Two columns, the second one wrapped. */
export function rows(pairs: Row[]): string {
  const column = largest(pairs.map(([left]) => left.length)) + 4
  return pairs.map(([left, right]) => `  ${left.padEnd(column - 2)}${wrap(right, column)}`).join('\n')
}
