// Calls every method with whatever a caller may pass, many at once, and holds each answer against fs.readSync.
// `npm run test:long` runs it on and on: --cases 10000000 --seed 1.

import fs from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { MappedFile, mmapRead } from 'faultless'
import { MiB, PAGE, seededBytes, seededFile, temporaryFolder } from '../helpers/files.mjs'
import { lockedKiB } from '../helpers/locked.mjs'
import { calls, prepare } from '../hostile/calls.mjs'
import { begin, judge } from '../hostile/judging.mjs'
import { TAMPERINGS, tampered } from '../hostile/prototypes.mjs'
import { Ledger, prepareWriting, writingCalls } from '../hostile/writing.mjs'

const { values } = parseArgs({ options: { cases: { type: 'string' }, seed: { type: 'string' } } })
const cases = Number(values.cases ?? 10_000_000)
const seed = Number(values.seed ?? Date.now() % 2 ** 31)
const AT_ONCE = 20
const SIZES = [0, 1, PAGE - 1, PAGE, 3 * PAGE + 7, 300_001, 3 * MiB + 5]
const WRITTEN_SIZES = [0, 1, PAGE - 1, 3 * PAGE + 7, 100_001]

const folder = temporaryFolder()
const worlds = SIZES.map((size, index) => {
  const path = seededFile(folder, size, index + 1)
  const descriptor = fs.openSync(path)
  return {
    size,
    path,
    sources: { path, Buffer: Buffer.from(path), URL: pathToFileURL(path), FileHandle: undefined },
    /** The oracle. */
    bytes(offset, length) {
      const target = Buffer.allocUnsafe(length)
      const count = length === 0 ? 0 : fs.readSync(descriptor, target, 0, length, offset)
      return target.subarray(0, count)
    },
    span(offset, wanted) {
      const count = Math.max(0, Math.min(wanted, size - offset))
      return [count, count]
    },
    mayHold(offset, bytes) {
      return this.bytes(offset, bytes.length).equals(bytes)
    },
  }
})
for (const world of worlds) world.sources.FileHandle = await fs.promises.open(world.path)

const counted = { cases: 0, answered: 0, refused: 0, meddled: 0, aborted: 0, closed: 0, written: 0, tampered: 0 }

// What this thread may copy in one turn of the loop is soon used up: then everything goes to the pool, and is met on its way
// by whatever is done meanwhile.
const spender = await MappedFile.open(worlds.at(-1).path)
const spent = Buffer.alloc(MiB)
const spendTheTurn = () => Promise.all([0, 1, 2].map(() => spender.readInto(spent)))

const scenesOf = (sizes, callsOn) =>
  fc.integer({ min: 0, max: sizes.length - 1 }).chain(which =>
    fc.record({
      which: fc.constant(which),
      listed: fc.array(callsOn(sizes[which]), { minLength: AT_ONCE, maxLength: AT_ONCE }),
      turns: fc.nat(2),
      onPool: fc.boolean(),
      closing: fc.constantFrom('no', 'no', 'no', 'no', 'no', 'no', 'before', 'meanwhile'),
    }),
  )
const scenes = scenesOf(SIZES, calls)

/** Has all calls of a scene run at once, and in the middle of it does what the scene has in store. */
async function play({ listed, turns, onPool, closing }, { of, mode, prepare, tampering }) {
  const file = await MappedFile.open(of.path, { flags: mode })
  const world = { ...of, file, mayBeClosed: closing !== 'no' }
  if (closing === 'before') await file.close()
  const spending = onPool ? spendTheTurn() : undefined
  const begun = listed.map(call => {
    const prepared = prepare(world, call)
    return { ...prepared, call, outcome: tampered(tampering, () => begin(prepared, call)) }
  })
  const happens = moment => {
    for (const { target, when, abort } of begun) {
      if (target?.when === moment) target.meddle()
      if (when === moment) abort()
    }
  }
  happens('at once')
  for (let count = 0; count < turns; count++) await turn()
  happens('later')
  const closed = closing === 'meanwhile' ? file.close() : undefined
  const outcomes = await Promise.all(begun.map(({ outcome }) => outcome))
  await Promise.all([closed, spending])
  return { world, file, ended: begun.map((one, index) => ({ ...one, outcome: outcomes[index] })) }
}

function count({ call, target, refusals, excuses, outcome: { error } }) {
  counted.cases++
  counted[error ? 'refused' : 'answered']++
  if (error && error === excuses[0]) counted.aborted++
  if (error?.code === 'ERR_FILE_CLOSED') counted.closed++
  if (error?.code === 'ERR_OUT_OF_RANGE' && target?.mayFail && refusals.length === 0) counted.meddled++
  return call
}

/** Each call ended as it must. */
function endedWell({ world, ended }) {
  for (const one of ended) {
    const call = count(one)
    try {
      judge(one, one.outcome, world)
    } catch (error) {
      throw new Error(`${call.method}: ${error.message}\n${fc.stringify(call)}`)
    }
    one.target?.fill?.(0x5a)
  }
}

/** Nobody writes to a target after its call has ended, and nothing stays locked after close(). */
async function leftAlone({ file, ended }) {
  await turn()
  await file.close()
  if (lockedKiB() > 0) throw new Error(`${lockedKiB()} KiB are still locked`)
  for (const { target, call } of ended) {
    if (target?.filledWith?.(0x5a) === false) throw new Error(`written to after it had settled: ${fc.stringify(call)}`)
  }
}

const endsWell = fc.asyncProperty(scenes, async scene => {
  const played = await play(scene, { of: worlds[scene.which], mode: 'r', prepare })
  endedWell(played)
  await leftAlone(played)
})

/** The same where calls write: then the file is what they made of it, and whoever looks at it sees that. */
const writesWell = fc.asyncProperty(scenesOf(WRITTEN_SIZES, writingCalls), async scene => {
  const original = seededBytes(WRITTEN_SIZES[scene.which], 1 + scene.which)
  const path = join(folder, 'written')
  fs.writeFileSync(path, original)
  const ledger = new Ledger(original)
  const of = {
    path,
    ledger,
    span: (offset, wanted) => ledger.span(offset, wanted),
    mayHold: (offset, bytes) => ledger.mayHold(offset, bytes),
  }
  const played = await play(scene, { of, mode: 'r+', prepare: prepareWriting })
  endedWell(played)
  counted.written += played.ended.length
  const { file } = played
  const content = fs.readFileSync(path)
  ledger.settle(content)
  const looks = [mmapRead(path)]
  if (!file.closed) {
    await file.refresh()
    looks.push(file.read(), file.view())
  }
  for (const bytes of await Promise.all(looks)) {
    if (!content.equals(bytes)) throw new Error(`${bytes.length} bytes are read that are not those of the file`)
  }
  await leftAlone(played)
  mmapRead.release(path)
  fs.rmSync(path)
})

/** Who has the language itself lie may get an error, or what the lie made of it; but each call ends, and the process lives. */
const survives = fc.asyncProperty(scenes, fc.nat(TAMPERINGS - 1), async (scene, tampering) => {
  const { file, ended } = await play(scene, { of: worlds[scene.which], mode: 'r', prepare, tampering })
  counted.tampered += ended.length
  await file.close()
})

if (!values.cases) console.error(`seed ${seed}`)
const endOnFailure = Boolean(values.cases)
const runs = Math.ceil(cases / AT_ONCE)
await fc.assert(endsWell, { numRuns: runs, seed, endOnFailure })
await fc.assert(writesWell, { numRuns: Math.ceil(runs / 5), seed, endOnFailure })
// Last, because lies may stay behind.
await fc.assert(survives, { numRuns: Math.ceil(runs / 20), seed, endOnFailure })
for (const { sources } of worlds) await sources.FileHandle.close()
console.log(JSON.stringify({ seed, ...counted }))
process.exit()
