// Commands of the program: their options and help, and the parsing of the command line.

import { type ParseArgsConfig, parseArgs } from 'node:util'
import { type ExitCode, usage } from './exit.js'
import { largest, wrap } from './output.js'

export interface Option {
  type: 'boolean' | 'string'
  short?: string
  /** The placeholder of the value in the help. */
  value?: string
  about: string
}

export interface Command {
  /** The arguments after `faultless COMMAND`. */
  usage: string
  about: string[]
  options: Record<string, Option>
  /** The meaning of exit code 1. */
  found: string
  /** The meaning of exit code 3, if the command has it. */
  impossible?: string
  run(line: Line): Promise<ExitCode>
}

/** A parsed command line. */
export interface Line {
  words: string[]
  json: boolean
  flag(name: string): boolean
  text(name: string): string | undefined
}

/** The options of every command. */
const COMMON: Record<string, Option> = {
  json: { type: 'boolean', about: 'print one JSON document to standard output' },
  help: { type: 'boolean', short: 'h', about: 'print this help' },
}

/** Parses the arguments of a command. Returns undefined where they ask for help. */
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
    // The rest of the message explains how to pass an argument that begins with a dash; the first sentence is enough.
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

/** Formats two columns, and wraps the second one. */
export function rows(pairs: Row[]): string {
  const column = largest(pairs.map(([left]) => left.length)) + 4
  return pairs.map(([left, right]) => `  ${left.padEnd(column - 2)}${wrap(right, column)}`).join('\n')
}
