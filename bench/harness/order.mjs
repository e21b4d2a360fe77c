// In which order things are measured.
import { shuffle } from 'simple-statistics'

/**
 * A new order each time, but what is compared with one another side by side.
 * @template T
 * @param {T[]} items
 * @param {(item: T) => string} blockOf
 * @param {() => number} random
 */
export function neighbours(items, blockOf, random) {
  /** @type {Map<string, T[]>} */
  const blocks = new Map()
  for (const item of items) blocks.set(blockOf(item), [...(blocks.get(blockOf(item)) ?? []), item])
  return shuffle([...blocks.values()], random).flatMap(block => shuffle(block, random))
}
