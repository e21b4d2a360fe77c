// The A/A control in words.
import { formatInterval } from './format.mjs'

const PHASES = { first: 'first reads', steady: 'steady reads' }

/** @param {import('../harness/control.mjs').Control} control */
export function controlText({ cell, comparisons }) {
  if (comparisons.length === 0) return 'A/A control: nothing was measured twice'
  const found = comparisons.map(({ name, phase, interval }) => {
    const differs = interval.low > 1 || (interval.high !== null && interval.high < 1)
    return `${PHASES[phase]}, ${name} ${formatInterval(interval)}${differs ? ' (differs)' : ''}`
  })
  return `A/A control (${cell}, measured as if it were two; 1 where nothing differs): ${found.join('; ')}`
}
