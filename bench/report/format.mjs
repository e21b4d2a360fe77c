// How numbers are written for people.

/** Tables without colours, which a file or a log could not show. */
export const PLAIN = { head: [], border: [] }

/** @param {number} value */
export function formatCount(value) {
  if (value >= 1e9) return `${(value / 1e9).toPrecision(3)}G`
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)}M`
  return value >= 1000 ? `${(value / 1000).toPrecision(3)}k` : value.toPrecision(3)
}

/** An estimate and, in brackets, its 95 % interval. One pass has none. @param {Pick<import('../harness/statistics.mjs').Interval, 'value' | 'low' | 'high'>} interval */
export function formatInterval({ value, low, high }, format = number => number.toFixed(2)) {
  return low === null ? format(value) : `${format(value)} [${format(low)}, ${format(high)}]`
}

/** What a summary row measured, or a dash where it measured nothing. */
export function formatMeasured({ value, low, high, unit }) {
  return value === null ? '-' : `${formatInterval({ value, low, high })} ${unit}`
}

/** A number beside others, where two digits say enough. @param {number} value */
export const brief = value => (value >= 10 ? String(Math.round(value)) : String(Number(value.toPrecision(2))))
