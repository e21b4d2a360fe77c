// What `faultless faults` costs the program that it follows: page faults a second with and without it. Takes root and bpftrace.
//
//   node scripts/faults-cost.mjs

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loopDisk } from '../__test__/helpers/fault-rig.mjs'

const PAGE = 4096
const MiB = 1 << 20
const REPEATS = 5
const SIZE = 64 * MiB
const bin = fileURLToPath(new URL('../dist/lib/cli/main.js', import.meta.url))

/** Each takes so many page faults, or none, and answers with their number. */
const WORK = {
  async none() {
    let sum = 0
    for (let i = 0; i < 1e9; i++) sum = (sum + i) | 0
    return 0
  },
  async minor() {
    let count = 0
    for (let round = 0; round < 20; round++) {
      // More than malloc keeps: each is mapped anew.
      const fresh = Buffer.allocUnsafeSlow(SIZE)
      for (let at = 0; at < SIZE; at += PAGE, count++) fresh[at] = 1
    }
    return count
  },
  async major(path) {
    const { MappedFile } = await import('faultless')
    const file = await MappedFile.open(path)
    const cold = new Uint8Array((await file.view(0, 1)).buffer)
    await file.advise('random')
    // Further apart than what one fault maps around it.
    for (let at = 16 * PAGE; at < file.byteLength; at += 16 * PAGE) cold[at]
    return file.byteLength / (16 * PAGE) - 1
  },
}

if (process.argv[2] in WORK) {
  const [, , work, result, path] = process.argv
  const count = await WORK[work](path).catch(error => ({ error: error.message }))
  fs.writeFileSync(result, JSON.stringify({ count, elapsed: performance.now() }))
} else {
  const disk = loopDisk({ size: 4 * SIZE, readAheadKiB: 0 })
  const path = join(disk.mountPoint, 'file')
  fs.writeFileSync(path, Buffer.alloc(3 * SIZE, 1))
  const result = join(fs.mkdtempSync(join(tmpdir(), 'faults-cost-')), 'result')
  const ways = { plain: undefined, sampled: ['--sample'], traced: [], all: ['--all'] }
  console.log('| | page faults | alone | `--sample` | traced | `--all` |\n|---|---|---|---|---|---|')
  for (const work of Object.keys(WORK)) {
    const times = {}
    let count
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      for (const [way, options] of Object.entries(ways)) {
        disk.cool()
        const command = [process.execPath, fileURLToPath(import.meta.url), work, result, path]
        const all = options ? [process.execPath, bin, 'faults', '--json', ...options, '--', ...command] : command
        try {
          execFileSync(all[0], all.slice(1), { stdio: 'ignore' })
        } catch (error) {
          // It waited, which is what it is for.
          if (error.status !== 1) throw error
        }
        const told = JSON.parse(fs.readFileSync(result, 'utf8'))
        count = told.count
        times[way] = [...(times[way] ?? []), told.elapsed]
      }
    }
    const best = Object.fromEntries(Object.entries(times).map(([way, all]) => [way, Math.min(...all)]))
    const cell = way => {
      const slower = `${(best[way] / best.plain).toFixed(2)}×`
      if (!count) return way === 'plain' ? `${Math.round(best.plain)} ms` : slower
      const rate = `${Math.round((1000 * count) / best[way]).toLocaleString('en')}/s`
      return way === 'plain' ? rate : `${rate}, ${slower}`
    }
    const name = { none: 'no page faults, computing', minor: 'fresh memory', major: 'a cold file, page by page' }[work]
    console.log(`| ${name} | ${count.toLocaleString('en')} | ${Object.keys(ways).map(cell).join(' | ')} |`)
  }
  disk.dispose()
}
