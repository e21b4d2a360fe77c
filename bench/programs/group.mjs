// The host of one group: starts k members as worker threads or as processes, and passes the harness's words to them and
// their answers back as one. It does nothing else, so that the address space the workers share holds only them.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

/** @type {{ mode: import('../harness/cells.mjs').Mode, k: number, member: object }} */
const { mode, k, member } = JSON.parse(process.argv[2])
const program = fileURLToPath(new URL('./member.mjs', import.meta.url))
const members = Array.from({ length: k }, mode === 'workers' ? startWorker : startProcess)
let answers = []

process.on('message', message => {
  answers = []
  for (const one of members) one.send(message)
  if (message.kind !== 'stop') return
  process.off('disconnect', killGroup)
  process.disconnect()
})
// Without the harness nobody else ends the members, whatever they are doing.
process.on('disconnect', killGroup)

/** The harness starts this host as the leader of a process group of its own. */
function killGroup() {
  process.kill(-process.pid, 'SIGKILL')
}

function startWorker() {
  const worker = new Worker(program, { workerData: member })
  worker.on('message', collect)
  worker.on('error', error => fail(error.stack))
  worker.on('exit', code => code !== 0 && fail(`a worker exited with code ${code}`))
  return { send: message => worker.postMessage(message) }
}

function startProcess() {
  const child = fork(program, [JSON.stringify(member)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  child.on('message', collect)
  child.on('error', error => fail(error.stack))
  child.on('exit', (code, signal) => code !== 0 && fail(`a process ended by ${signal ?? `exit code ${code}`}`))
  return { send: message => child.send(message) }
}

function collect(answer) {
  answers.push(answer)
  if (answers.length < k) return
  const failed = answers.find(({ error }) => error)
  if (failed) process.send({ kind: 'failed', error: failed.error, code: failed.code })
  else if (answer.kind === 'ready') process.send({ kind: 'ready' })
  else process.send({ kind: 'sample', ...combine(answers) })
}

/** Members of one process all see the same counters, members of many each their own. */
function combine(results) {
  const usage = Object.fromEntries(
    Object.keys(results[0].before).map(name => {
      const before = results.map(result => result.before[name])
      const after = results.map(result => result.after[name])
      return [name, mode === 'workers' ? Math.max(...after) - Math.min(...before) : sum(after) - sum(before)]
    }),
  )
  return {
    throughput: sum(results.map(({ operations, elapsed }) => (operations / elapsed) * 1000)),
    late: Math.max(...results.map(({ late }) => late)),
    members: results.map(({ operations, elapsed, began }) => ({ operations, elapsed, began })),
    resident:
      mode === 'workers'
        ? Math.max(...results.map(({ resident }) => resident))
        : sum(results.map(({ resident }) => resident)),
    usage,
  }
}

function sum(values) {
  return values.reduce((total, value) => total + value)
}

function fail(reason) {
  process.stderr.write(`${reason}\n`, () => process.exit(1))
}
