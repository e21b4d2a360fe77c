#!/usr/bin/env zx
// Where the CPU time of one way to read goes: runs it at one work of the experiment `api`, has perf look on while the time runs,
// and prints whose time it was.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Argument, Command, InvalidArgumentError } from 'commander'
import { command, withChildren } from './harness/child.mjs'
import { longFile } from './harness/files.mjs'
import { peers } from './programs/peers.mjs'

const root = new URL('../', import.meta.url)
const program = fileURLToPath(new URL('bench/programs/profiled.mjs', root))
const number = text => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is to be a whole number.')
  return Number(text)
}

// Under zx its own path comes before the script.
const words = process.argv.slice(process.argv.findIndex(word => basename(word) === 'profile.mjs') + 1)

await new Command('zx bench/profile.mjs')
  .description('Prints whose CPU time it is that one way to read takes for random ranges, by perf.')
  .addArgument(new Argument('<way>').choices(Object.keys(peers)))
  .option('--length <BYTES>', 'of each range', number, 4096)
  .option('--lanes <N>', 'ranges asked for at a time', number, 1)
  .option('--cold <N>', 'so many ranges asked for together, once, of a file that is cold', number)
  .option('--file <BYTES>', 'of the file', number, 64 << 20)
  .option('--milliseconds <N>', 'how long the time runs', number, 3000)
  .action(profile)
  .parseAsync(words, { from: 'user' })

async function profile(way, { length, lanes, cold, file, milliseconds }) {
  const { signal } = new AbortController()
  const path = await longFile(file, { signal })
  const rehearsal = cold && { path: await longFile(file / 2, { signal }), size: file / 2 }
  const task = { peer: way, path, size: file, length, lanes, ...(cold && { count: cold, rehearsal }) }
  const folder = await mkdtemp(join(tmpdir(), 'faultless-profile-'))
  const [samples, control] = ['perf.data', 'control'].map(name => join(folder, name))
  const record = [...'record -q -e cpu-clock -F 4000 -D -1 --control'.split(' '), `fifo:${control}`, '-o', samples]
  try {
    await withChildren(signal, async () => {
      await command('mkfifo', [control])
      // The names of compiled functions are looked for where perf runs.
      const node = [process.execPath, '--perf-basic-prof', program, JSON.stringify(task), String(milliseconds), control]
      console.log((await command('perf', [...record, ...node])).trim())
      for (const by of ['dso', 'symbol']) {
        const shares = ['report', '-i', samples, '--stdio', '--no-children', '--sort', by, '--percent-limit', '1']
        const lines = (await command('perf', shares)).replaceAll(root.href, '').split('\n')
        const rows = lines.filter(line => line.trim() && !line.startsWith('#')).map(line => line.replace(/[\s-]+$/, ''))
        console.log(`\nby ${by}\n${rows.join('\n')}`)
      }
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}
