// The output of the commands: lines and JSON on standard output, warnings and progress on standard error.

import { styleText } from 'node:util'

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow'

/** Text in a colour, where standard output is a terminal that supports colours. */
export function styled(style: Style, text: string): string {
  // An empty NO_COLOR has no effect (no-color.org). hasColors() checks that, and what TERM supports.
  return process.stdout.isTTY && process.stdout.hasColors() ? styleText(style, text) : text
}

export function print(line = ''): void {
  process.stdout.write(`${line}\n`)
}

export function printJson(document: object): void {
  print(JSON.stringify(document, null, 2))
}

export function warn(message: string): void {
  process.stderr.write(`faultless: ${message}\n`)
}

/** The width of the terminal, 80 columns at most. */
export const width = (): number => Math.min(process.stdout.columns || 80, 80)

const LEVELS = '▁▂▃▄▅▆▇█'

/** One column for each share: a dot for none, a full block for all. */
export function bar(shares: readonly number[]): string {
  return shares.map(share => (share === 0 ? '·' : LEVELS[Math.ceil(share * LEVELS.length) - 1])).join('')
}

/** Breaks text into lines of the terminal's width, or of another one, all of them but the first indented. */
export function wrap(text: string, indent: number, columns: number = width()): string {
  const room = columns - indent
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line && line.length + 1 + word.length > room) {
      lines.push(line)
      line = word
    } else line = line ? `${line} ${word}` : word
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`)
}

/** A line on standard error that is overwritten repeatedly; nothing where that is not a terminal. */
export const progress = {
  show(text: string): void {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text.slice(0, (process.stderr.columns || 80) - 1)}`)
  },
  clear(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
  },
}

/** The largest of any number of numbers. Math.max(...numbers) would put all of them on the stack. */
export const largest = (numbers: Iterable<number>): number => {
  let most = Number.NEGATIVE_INFINITY
  for (const number of numbers) most = Math.max(most, number)
  return most
}
