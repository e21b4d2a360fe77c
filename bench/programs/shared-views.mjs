// Gives one file's bytes to worker threads in one of several ways, and has all of them go through the bytes over and over.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { KiB } from '../harness/cells.mjs'

const WORKER = new URL('./shared-views-worker.mjs', import.meta.url)
/** How long what was given up is given to be let go of, in milliseconds. */
const SETTLE = 200

/**
 * How each worker comes to the bytes: `give` answers with what is posted, and what of it is transferred.
 * @type {Record<string, { label: string, shared?: boolean, give: (file: import('faultless').MappedFile) => Promise<{ message: object, transfer?: ArrayBuffer[] }> }>}
 */
export const waysToShare = {
  copy: {
    label: 'postMessage(await file.read()), copied for each worker',
    give: async file => ({ message: { bytes: await file.read() } }),
  },
  transfer: {
    label: 'postMessage(buffer, [buffer]) of a slice() for each worker',
    async give(file) {
      const bytes = await file.slice(0)
      return { message: { bytes }, transfer: [bytes] }
    },
  },
  open: {
    label: 'each worker opens the file and views it',
    give: async file => ({ message: { path: file.path } }),
  },
  post: {
    label: 'postMessage(await file.view()) of a shared view',
    shared: true,
    give: async file => ({ message: { bytes: await file.view() } }),
  },
}

/** @param {import('./works.mjs').Task} task @returns {Promise<import('./works.mjs').Work>} */
export async function sharedViews({ peer, path, checksum, workers: count }) {
  const { MappedFile } = await import('faultless')
  const { give, shared = false } = waysToShare[peer]
  const workers = await Promise.all(Array.from({ length: count }, startWorker))
  const file = await MappedFile.open(path, { shared })
  return {
    async measure({ milliseconds }) {
      const before = memory()
      const begun = performance.now()
      await Promise.all(
        workers.map(async worker => {
          const { message, transfer } = await give(file)
          worker.post({ kind: 'take', ...message }, transfer)
          await worker.answer()
        }),
      )
      const startMs = performance.now() - begun
      await sleep(SETTLE)
      const after = memory()
      const sums = await sumsOf(workers)
      if (sums.some(sum => sum !== checksum)) throw new Error(`wrong answer: the sums are ${sums}, not ${checksum}`)
      for (const worker of workers) worker.post({ kind: 'go', until: Date.now() + milliseconds })
      const rates = await Promise.all(workers.map(worker => worker.answer()))
      return {
        rate: rates.reduce((sum, { rate }) => sum + rate, 0),
        startMs,
        anonymousBytes: after.anonymous - before.anonymous,
        pageTableBytes: after.pageTable - before.pageTable,
      }
    },
    async close() {
      await Promise.all(workers.map(worker => worker.stop()))
      await file.close()
    },
  }
}

function sumsOf(workers) {
  for (const worker of workers) worker.post({ kind: 'sum' })
  return Promise.all(workers.map(async worker => (await worker.answer()).sum))
}

async function startWorker() {
  const worker = new Worker(WORKER)
  const answer = () =>
    new Promise((resolve, reject) => {
      worker.once('message', found => (found.error ? reject(new Error(found.error)) : resolve(found)))
      worker.once('error', reject)
    })
  await answer()
  return { answer, post: (message, transfer) => worker.postMessage(message, transfer), stop: () => worker.terminate() }
}

/** Memory of this process that is not the page cache's: its own pages, and the tables by which it finds all of them. */
function memory() {
  const status = readFileSync('/proc/self/status', 'utf8')
  const of = name => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN) * KiB
  return { anonymous: of('RssAnon'), pageTable: of('VmPTE') }
}
