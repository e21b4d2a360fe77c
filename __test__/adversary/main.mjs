// `npm run test:adversary`: random calls of every method from several threads while another process cuts, replaces and punches the
// files under them; each byte that is read must be one that its file had at that place meanwhile.
//
//   node __test__/adversary/main.mjs [--seconds 60] [--seed N] [--file-systems ext4,xfs] [--node 22] [--workers 2] [--go-on]
//     [--without transfer,close]   leaves out steps, to see what else there is

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { environmentOf } from '../../scripts/nodes.mjs'
import { cannot, loopDisk, memoryDisk, overlay } from '../helpers/fault-rig.mjs'
import { MiB, temporaryFolder } from '../helpers/files.mjs'
import { judge, recordsOf } from './judge.mjs'

/** Each makes a place for the files, of its own; to add one is to add a line. */
const places = {
  here: { make: () => ({ mountPoint: temporaryFolder(), dispose() {} }) },
  ext4: { needs: ['loopDevices'], make: () => loopDisk({ size: 256 * MiB, readAheadKiB: 128 }) },
  xfs: {
    needs: ['loopDevices', 'xfs'],
    make: () => loopDisk({ size: 320 * MiB, fileSystem: 'xfs', readAheadKiB: 128 }),
  },
  btrfs: {
    needs: ['loopDevices', 'btrfs'],
    make: () => loopDisk({ size: 256 * MiB, fileSystem: 'btrfs', readAheadKiB: 128 }),
  },
  tmpfs: { needs: ['tmpfs'], make: () => memoryDisk() },
  overlay: {
    needs: ['overlayfs'],
    make: () => overlay(({ mountPoint }) => fs.mkdtempSync(join(mountPoint, 'lower-'))),
  },
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    'file-systems': { type: 'string', default: Object.keys(places).join() },
    workers: { type: 'string', default: '2' },
    node: { type: 'string' },
    without: { type: 'string', default: '' },
    'go-on': { type: 'boolean', default: false },
  },
})

if (values.node) {
  const [bin, env] = environmentOf(values.node)
  const words = process.argv
    .slice(2)
    .filter((word, index, words) => !word.startsWith('--node') && words[index - 1] !== '--node')
  process.exit(spawnSync(bin, [fileURLToPath(import.meta.url), ...words], { env, stdio: 'inherit' }).status ?? 1)
}

const ROUND = 2500
/** Milliseconds that all may take to end when the round is over: more than a promise may take to settle. */
const PATIENCE = 40_000
const FILES = ['a', 'b', 'c', 'd']
const WRITTEN = ['c', 'd']

/** Runs a program of this folder to its end; how it ended. */
async function ended(name, options, { ready = false } = {}) {
  const program = fileURLToPath(new URL(`./${name}.mjs`, import.meta.url))
  const child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', text => {
    stderr += text
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), options.until - Date.now() + PATIENCE)
  const exit = once(child, 'close').then(([code, signal]) => {
    clearTimeout(timer)
    return code === 0 ? undefined : `the ${name} ended with ${signal ?? `exit code ${code}`}: ${stderr}`
  })
  if (ready) await Promise.race([once(child.stdout, 'data'), exit])
  return { exit }
}

async function round(place, seed) {
  const folder = fs.mkdtempSync(join(place.mountPoint, 'round-'))
  const logs = temporaryFolder()
  try {
    const until = Date.now() + ROUND
    const [storm, log] = [join(logs, 'storm'), join(logs, 'actor-')]
    const files = FILES.map(name => ({ name, written: WRITTEN.includes(name) }))
    const storming = await ended('storm', { folder, log: storm, files, seed, until }, { ready: true })
    const acting = await ended('actors', {
      folder,
      names: FILES,
      written: WRITTEN,
      log,
      seed,
      workers: Number(values.workers),
      without: values.without.split(','),
      until,
    })
    const failures = (await Promise.all([storming.exit, acting.exit])).filter(Boolean)
    const actors = fs
      .readdirSync(logs)
      .filter(name => name.startsWith('actor-'))
      .map(name => join(logs, name))
    const judged = judge({ folder, names: FILES, storm, logs: actors })
    for (const what of failures) {
      // What had begun and has no end.
      const trace = actors.flatMap(path =>
        recordsOf(path)
          .slice(-4)
          .map(({ content, ...record }) => record),
      )
      judged.found.unshift({ what, record: {}, trace })
    }
    return judged
  } finally {
    fs.rmSync(folder, { recursive: true })
    fs.rmSync(logs, { recursive: true })
  }
}

const wanted = values['file-systems'].split(',')
const unknown = wanted.find(name => !Object.hasOwn(places, name))
if (unknown !== undefined) {
  console.error(`--file-systems takes ${Object.keys(places).join(', ')}, and not '${unknown}'`)
  process.exit(2)
}
const made = wanted.flatMap(name => {
  const reason = cannot(...(places[name].needs ?? []))
  if (reason === undefined) return [{ name, ...places[name].make() }]
  console.error(`${name}: not run here: ${reason}`)
  if (process.env.FAULTLESS_TESTS === 'all') process.exit(1)
  return []
})

const first = Number(values.seed)
const end = Date.now() + 1000 * Number(values.seconds)
const total = { rounds: 0, answers: 0, refusals: 0, changes: 0, bytes: 0 }
const kinds = new Map()
const again = values.without && ` --without ${values.without}`
console.log(`seed ${first}, Node ${process.version}, ${made.map(({ name }) => name).join(', ')}`)
for (let index = 0; Date.now() < end; index++) {
  const place = made[index % made.length]
  const seed = first + index
  const { found, ...counted } = await round(place, seed)
  total.rounds++
  for (const [name, count] of Object.entries(counted)) total[name] += count
  for (const { what, record, trace } of found) {
    const kind = what.replace(/\d+/g, 'N').slice(0, 60)
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    if (kinds.get(kind) > 1) continue
    console.error(
      `\n${what}\n  again: node __test__/adversary/main.mjs --seed ${seed} --file-systems ${place.name}${again}`,
    )
    console.error(`  ${JSON.stringify(record)}\n  before it:`)
    for (const line of trace) console.error(`    ${JSON.stringify(line)}`)
  }
  if (kinds.size > 0 && !values['go-on']) break
}
for (const { dispose } of made) dispose()
console.log(JSON.stringify(total))
for (const [kind, count] of kinds) console.log(`${count} × ${kind}`)
// Where nothing was read, nothing was shown.
if (kinds.size > 0 || total.answers < 100 * total.rounds) process.exitCode = 1
