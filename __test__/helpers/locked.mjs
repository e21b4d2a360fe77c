// The locked memory of this process.

import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { collectGarbage } from './process.mjs'

/** KiB that are locked, as the kernel counts them. */
export const lockedKiB = () => Number(/^VmLck:\s+(\d+) kB$/m.exec(fs.readFileSync('/proc/self/status', 'latin1'))[1])

/** Resolves once so many KiB are locked; rejects after 10 seconds. */
export async function untilLocked(expected) {
  const deadline = Date.now() + 10_000
  while (lockedKiB() !== expected) {
    if (Date.now() > deadline) throw new Error(`after 10 s ${lockedKiB()} KiB are locked, not ${expected}`)
    await collectGarbage()
    await delay(5)
  }
}
