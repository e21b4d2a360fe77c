// Parses the output of bpftrace with `-f json`: printed lines, maps, and stacks that are keys of a map.

export interface Printed {
  type: string
  data: unknown
}

export type Stats = { count: number; average: number; total: number }
type RawBucket = { min?: number; max?: number; count: number }

/** The number of events that took at least `from` and less than `to`. */
export interface Bucket {
  from: number
  to: number
  count: number
}

export function readLine(line: string): Printed | undefined {
  return line.startsWith('{') ? JSON.parse(withoutEscapes(line)) : undefined
}

/** bpftrace sign-extends bytes of names that are not ASCII to 32 bits, which is invalid JSON. */
function withoutEscapes(line: string): string {
  return line.replace(/(\\uffffff[0-9a-f]{2})+/g, escapes =>
    Buffer.from(escapes.replaceAll('\\uffffff', ''), 'hex').toString(),
  )
}

/** The maps of a bpftrace program that has ended. */
export class Maps {
  readonly #values: Map<string, unknown>
  readonly #lines: string[]

  constructor(lines: string[]) {
    this.#lines = lines
    const printed = lines.map(readLine).filter(({ type } = { type: '', data: null }) => /^(map|stats|hist)$/.test(type))
    // The last output of a map counts.
    this.#values = new Map(printed.flatMap(line => Object.entries(line?.data ?? {})))
  }

  single(name: string): number {
    return (this.#values.get(name) as number | undefined) ?? 0
  }

  keyed<T>(name: string): [key: string, value: T][] {
    return Object.entries((this.#values.get(name) ?? {}) as Record<string, T>)
  }

  histograms(name: string): [key: string, buckets: Bucket[]][] {
    return this.keyed<RawBucket[]>(name).map(([key, buckets]) => {
      return [key, buckets.map(({ min = 0, max = min, count }) => ({ from: min, to: max + 1, count }))]
    })
  }

  /**
   * Reads a map of stats whose keys end with a stack: the words before the stack, and its addresses, one per line.
   * Different keys may have the same text, as those of several threads; JSON.parse() would keep only the last of them.
   */
  stacks(name: string): { words: string[]; addresses: bigint[]; count: number; total: number }[] {
    const line = this.#lines.findLast(text => text.includes(`"${name}"`)) ?? ''
    const entry = /("(?:[^"\\]|\\.)*"): \{"count": (\d+), "average": \d+, "total": (\d+)\}/g
    return [...line.matchAll(entry)].map(([, quoted = '', count, total]) => {
      const [head = '', ...lines] = (JSON.parse(withoutEscapes(quoted)) as string).split('\n')
      return {
        words: head.split(',').slice(0, -1),
        addresses: addressesOf(lines),
        count: Number(count),
        total: Number(total),
      }
    })
  }
}

/** The addresses of a stack that was printed with `ustack(perf)`, from its lines. */
export function addressesOf(lines: string[]): bigint[] {
  return lines.flatMap(line => /^\s*([0-9a-f]+)\b/.exec(line)?.[1] ?? []).map(address => BigInt(`0x${address}`))
}

/** Merges histograms. Empty buckets between others are kept, so that the result can be drawn. */
export function mergeHistograms(histograms: readonly Bucket[][]): Bucket[] {
  return [...groupBy(histograms.flat(), ({ from }) => String(from)).values()]
    .map(same => ({ ...(same[0] as Bucket), count: same.reduce((sum, { count }) => sum + count, 0) }))
    .sort((left, right) => left.from - right.from)
}

export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}
