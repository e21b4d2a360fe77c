// Medians and their intervals, without assumptions about the distribution.

export interface Interval {
  median: number
  low: number
  high: number
}

/**
 * The median, and the two values between which it lies with 95 % confidence, by their rank: fewer than k of n values
 * are below the true median as often as fewer than k of n coins show heads. With fewer than six values, the interval is
 * the whole range.
 */
export function interval(values: number[]): Interval {
  const sorted = [...values].sort((left, right) => left - right)
  const count = sorted.length
  const at = (rank: number) => sorted[rank] as number
  let rank = 0
  for (let chance = 0.5 ** count, sum = chance; ; rank += 1) {
    chance *= (count - rank) / (rank + 1)
    sum += chance
    if (sum > 0.025) break
  }
  const median = (at((count - 1) >> 1) + at(count >> 1)) / 2
  return { median, low: at(rank), high: at(count - 1 - rank) }
}
