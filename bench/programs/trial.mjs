// One way to read at one work, in a process of its own: prepares, which is not timed, measures when it is told to, and
// answers with a sample.
import { works } from './works.mjs'

/** @type {import('./works.mjs').Task} */
const task = JSON.parse(process.argv[2])
/** @type {import('./works.mjs').Work} */
let work

process.on('message', message => (message.kind === 'stop' ? stop() : reply('sample', () => work.measure(message))))
process.once('disconnect', harnessGone)
reply('ready', async () => {
  if (task.uid !== undefined) {
    // As a server does, which loads what it needs before it gives up root: later the kernel shows it no page table.
    await import('faultless')
    become(task.uid)
  }
  work = await works[task.kind](task)
})

/** @param {string} kind @param {() => Promise<object | void>} step */
async function reply(kind, step) {
  try {
    process.send({ kind, ...(await step()) })
  } catch (error) {
    process.send({ kind: 'failed', error: error.message, code: error.code })
  }
}

/** Gives up all that root may do, for good. @param {number} uid */
function become(uid) {
  process.setgroups([])
  process.setgid(uid)
  process.setuid(uid)
}

/** Ends by having nothing left to do: what a way to read leaves alive or breaks at exit shows in the exit code or as a hang. */
async function stop() {
  await work.close()
  process.off('disconnect', harnessGone)
  process.disconnect()
}

function harnessGone() {
  process.exit(1)
}
