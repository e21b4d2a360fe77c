// The noise of the machine in words.
import { percent } from '../harness/verdict.mjs'

const PHASES = { first: 'first reads', steady: 'steady reads' }

/** @param {import('../harness/noise.mjs').Noise} noise */
export function noiseText({ cell, factor, comparisons }) {
  if (comparisons.length === 0) return 'noise of this machine: not estimated, since nothing was measured twice'
  const found = Object.entries(factor).map(([phase, value]) => `${PHASES[phase]} ${percent(value)}`)
  return `noise of this machine, A against A (${cell}, measured twice): ${found.join(', ')}; no verdict is stronger`
}
