// Parsers for files of /proc about threads and processes.

/** A field of /proc/PID/stat, or of the stat of a thread, by its number in proc(5), from the third on. */
export function statField(text: string, number: number): string {
  // The name of the program may contain blanks and brackets.
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[number - 3] ?? ''
}

export const parseMajorFaults = (stat: string): number => Number(statField(stat, 12))

/** The resident bytes of each mapped file in /proc/PID/smaps, without code. */
export function residentByFile(smaps: string): Map<string, number> {
  const files = new Map<string, number>()
  const pattern = /^[0-9a-f]+-[0-9a-f]+ ..-. \S+ \S+ \d+ +(\/.*)\n(?:.*\n){1,4}?Rss: +(\d+) kB$/gm
  for (const [, path = '', kib] of smaps.matchAll(pattern)) files.set(path, (files.get(path) ?? 0) + 1024 * Number(kib))
  return files
}
