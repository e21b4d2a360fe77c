// Locks ranges by several handles, and prints after each step how many KiB of the process are locked.

import { MappedFile } from 'faultless'
import { PAGE } from '../helpers/files.mjs'
import { lockedKiB, untilLocked } from '../helpers/locked.mjs'
import { collectGarbage } from '../helpers/process.mjs'

const path = process.argv[2]
const [first, second] = [await MappedFile.open(path), await MappedFile.open(path)]
const steps = {}
const page = PAGE / 1024
const step = async (name, act) => {
  await act()
  steps[name] = lockedKiB() / page
}
await step('none', () => {})
await step('ten pages', () => first.lock(0, 10 * PAGE))
await step('the same by another handle', () => second.lock(0, 10 * PAGE))
await step('two bytes across a border', () => first.lock(20 * PAGE - 1, 2))
await step('one of the pages again', () => first.lock(20 * PAGE + 100, 100))
await step('unlocked once', () => first.unlock(20 * PAGE - 1, 2))
await step('unlocked twice', () => first.unlock(20 * PAGE, 1))
await step('unlocked by the first', () => first.unlock(0, 10 * PAGE))
await step('unlocked once too often', () => first.unlock(0, 10 * PAGE))
await step('part unlocked by the second', () => second.unlock(3 * PAGE, 4 * PAGE))
await step('nothing', () => second.lock(5, 0))
await step('the rest', () => second.unlock())
await step('many at once', () =>
  Promise.all(Array.from({ length: 50 }, (_, index) => (index % 2 ? first : second).lock(0, 5 * PAGE))),
)
await step('one closed', () => first.close())
await step('refreshed', () => second.refresh())
await step('both closed', () => second.close())

// Forgotten instead of closed.
await (async () => {
  const forgotten = await MappedFile.open(path)
  await forgotten.lock(0, 7 * PAGE)
  steps['to be forgotten'] = lockedKiB() / page
})()
await collectGarbage()
await untilLocked(0)
steps.forgotten = lockedKiB() / page
console.log(JSON.stringify(steps))
