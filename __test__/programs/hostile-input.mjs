// Calls every method with whatever a caller may pass, many at once, and holds each answer against fs.readSync.
// `npm run test:long` runs it on and on: --cases 10000000 --seed 1.

import fs from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { MappedFile } from 'faultless'
import { MiB, PAGE, seededFile, temporaryFolder } from '../helpers/files.mjs'
import { begin, calls, judge, prepare } from '../hostile/calls.mjs'
import { TAMPERINGS, tampered } from '../hostile/prototypes.mjs'

const { values } = parseArgs({ options: { cases: { type: 'string' }, seed: { type: 'string' } } })
const cases = Number(values.cases ?? 10_000_000)
const seed = Number(values.seed ?? Date.now() % 2 ** 31)
const AT_ONCE = 20
const SIZES = [0, 1, PAGE - 1, PAGE, 3 * PAGE + 7, 300_001, 3 * MiB + 5]

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
  }
})
for (const world of worlds) world.sources.FileHandle = await fs.promises.open(world.path)

const counted = { cases: 0, answered: 0, refused: 0, meddled: 0, aborted: 0, closed: 0, tampered: 0 }

// What this thread may copy in one turn of the loop is soon used up: then everything goes to the pool, and is met on its way
// by whatever is done meanwhile.
const spender = await MappedFile.open(worlds.at(-1).path)
const spent = Buffer.alloc(MiB)
const spendTheTurn = () => Promise.all([0, 1, 2].map(() => spender.readInto(spent)))

const scenes = fc.integer({ min: 0, max: SIZES.length - 1 }).chain(which =>
  fc.record({
    which: fc.constant(which),
    listed: fc.array(calls(SIZES[which]), { minLength: AT_ONCE, maxLength: AT_ONCE }),
    turns: fc.nat(2),
    onPool: fc.boolean(),
    closing: fc.constantFrom('no', 'no', 'no', 'no', 'no', 'no', 'before', 'meanwhile'),
  }),
)

/** Has all calls of a scene run at once, and in the middle of it does what the scene has in store. */
async function play({ which, listed, turns, onPool, closing }, tampering) {
  const file = await MappedFile.open(worlds[which].path)
  const world = { ...worlds[which], file, mayBeClosed: closing !== 'no' }
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

/** Each call ended as it must, and nobody writes to a target after that. */
const endsWell = fc.asyncProperty(scenes, async scene => {
  const { world, file, ended } = await play(scene)
  for (const one of ended) {
    const call = count(one)
    try {
      judge(one, one.outcome, world)
    } catch (error) {
      throw new Error(`${call.method}: ${error.message}\n${fc.stringify(call)}`)
    }
    one.target?.fill?.(0x5a)
  }
  await turn()
  await file.close()
  for (const { target, call } of ended) {
    if (target?.filledWith?.(0x5a) === false) throw new Error(`written to after it had settled: ${fc.stringify(call)}`)
  }
})

/** Who has the language itself lie may get an error, or what the lie made of it; but each call ends, and the process lives. */
const survives = fc.asyncProperty(scenes, fc.nat(TAMPERINGS - 1), async (scene, tampering) => {
  const { file, ended } = await play(scene, tampering)
  counted.tampered += ended.length
  await file.close()
})

if (!values.cases) console.error(`seed ${seed}`)
const endOnFailure = Boolean(values.cases)
await fc.assert(endsWell, { numRuns: Math.ceil(cases / AT_ONCE), seed, endOnFailure })
// Last, because lies may stay behind.
await fc.assert(survives, { numRuns: Math.ceil(cases / AT_ONCE / 20), seed, endOnFailure })
for (const { sources } of worlds) await sources.FileHandle.close()
console.log(JSON.stringify({ seed, ...counted }))
process.exit()
