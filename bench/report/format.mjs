// How numbers are written for people. What is no number is a dash.

/** Tables without colours, which a file or a log could not show. */
export const PLAIN = { head: [], border: [] }

const DASH = '-'

/** @param {number} value */
export function formatCount(value) {
  if (!Number.isFinite(value)) return DASH
  if (value >= 1e9) return `${(value / 1e9).toPrecision(3)}G`
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)}M`
  return value >= 1000 ? `${(value / 1000).toPrecision(3)}k` : value.toPrecision(3)
}

/** An estimate and, in brackets, its 95 % interval. One pass has none. @param {Pick<import('../harness/statistics.mjs').Interval, 'value' | 'low' | 'high'>} interval */
export function formatInterval({ value, low, high }, format = number => number.toFixed(2)) {
  const write = number => (Number.isFinite(number) ? format(number) : DASH)
  return low === null ? write(value) : `${write(value)} [${write(low)}, ${write(high)}]`
}

/** The measured value of a summary row, or a dash where nothing was measured. */
export function formatMeasured({ value, low, high, unit }) {
  return value === null ? DASH : `${formatInterval({ value, low, high })} ${unit}`
}

/** A number beside others, where two digits say enough. @param {number} value */
export function brief(value) {
  if (!Number.isFinite(value)) return DASH
  return value >= 10 ? String(Math.round(value)) : String(Number(value.toPrecision(2)))
}

/** A figure that was not measured, or that is no number, is a dash. @template T @param {() => T} figure @returns {T | '-'} */
export function orDash(figure) {
  try {
    return figure()
  } catch (error) {
    if (error.code === 'ERR_NOT_MEASURED' || error.code === 'ERR_UNDECIDED') return DASH
    throw error
  }
}
