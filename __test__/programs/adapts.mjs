// A tuned process that frees much and then uses the same memory again and again: prints what was decided at first, once that had
// lain unused, and once it was missed.
import { setTimeout as sleep } from 'node:timers/promises'
import { allocator } from 'faultless'
import { MiB } from '../helpers/files.mjs'
import { collectGarbage } from '../helpers/process.mjs'

const decided = [allocator.tune().decision]
const decision = () => allocator.stats('glibc').decision

const filled = count => Array.from({ length: count }, () => Buffer.allocUnsafeSlow(MiB).fill(1))
// Each eighth stays, or malloc itself would give back what is free at the top of its arena.
globalThis.kept = filled(400).filter((_, index) => index % 8 === 0)
await collectGarbage()
while (decision().keeps) {
  await sleep(50)
  // What registers of the interpreter still held the first time.
  if (process.memoryUsage().arrayBuffers > 100 * MiB) await collectGarbage()
}
decided.push(decision())
globalThis.kept = undefined
while (!decision().keeps) {
  filled(40)
  await collectGarbage()
  // Else it hangs on what lies above it in the arena whether malloc gives any of it back.
  await allocator.trim()
}
decided.push(decision())
console.log(JSON.stringify(decided))
