// Parses and formats numbers of bytes, times and shares.

import { usage } from './exit.js'

const LETTERS = 'KMGTPE'
const SIZE = /^(\d+(?:\.\d+)?)\s*(?:B|([KMGTPE])(i?B)?)?$/i

/** The bytes of `4096`, `64K`, `1.5GiB` (powers of 1024) or `10MB` (of 1000), as coreutils reads them. */
export function toBytes(text: string, option: string): number {
  const [, digits, letter, ending = 'iB'] = SIZE.exec(text.trim()) ?? []
  const base = ending.toLowerCase() === 'b' ? 1000 : 1024
  const bytes = Number(digits) * (letter ? base ** (LETTERS.indexOf(letter.toUpperCase()) + 1) : 1)
  if (!Number.isSafeInteger(bytes)) {
    throw usage(`${option} must be a whole number of bytes such as 4096, 64K, 1.5GiB or 10MB, not '${text}'`)
  }
  return bytes
}

/** `1.23 GiB`. */
export function formatBytes(bytes: number): string {
  let [value, unit] = [bytes, 'B']
  for (const letter of LETTERS) {
    // A value that would be rounded to 1024 uses the next unit.
    if (value < 1023.5) break
    ;[value, unit] = [value / 1024, `${letter}iB`]
  }
  return `${unit === 'B' || Number.isInteger(value) ? value : Number(value.toPrecision(3))} ${unit}`
}

/** A share as a percentage that says 0 or 100 only where it is so. */
export function formatShare(share: number): string {
  if (share > 0 && share < 0.01) return '<1 %'
  return `${share > 0.99 && share < 1 ? 99 : Math.round(100 * share)} %`
}

/** `1.2 s`, `340 ms`, `2:05 min`. */
export function formatTime(milliseconds: number): string {
  if (milliseconds < 1) return `${milliseconds.toPrecision(2)} ms`
  if (milliseconds < 1000) return `${Number(milliseconds.toPrecision(3))} ms`
  const seconds = milliseconds / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')} min`
}
