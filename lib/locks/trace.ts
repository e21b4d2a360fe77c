// Traces mmap_lock: of processes that run already, or of a command with all that it starts.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cannotTrace } from '../errors.js'
import { tracingObstacle } from './obstacle.js'
import { lockProgram } from './program.js'
import { Programs } from './programs.js'
import { type LockReport, lockReport } from './report.js'

/** Keys of a map: names of threads in processes, times the columns of a histogram. What finds no room is counted as lost. */
const KEYS = 1 << 14
const READY = 'ready\n'

export interface TraceOptions {
  /** Collects the user stacks of those who take the lock. Costs more time in each acquisition. */
  stacks?: boolean
  /** Lets `mark()` cut the trace into sections. */
  marks?: boolean
}

export class LockTrace {
  #bpftrace: ChildProcessWithoutNullStreams
  #printed = ''
  #complaints = ''
  #sections = 1
  #programs = new Programs()
  #options: TraceOptions
  #ended: Promise<unknown>
  #attached: Promise<void>

  /**
   * Follows these processes, all their threads, and all that they have started and will start. Resolves when it counts.
   * A process born of them in the half second that this takes can be missed; its threads cannot.
   * Rejects with ERR_UNSUPPORTED and the `obstacle` where tracing is not possible.
   */
  static async start(pids: readonly number[], options: TraceOptions = {}): Promise<LockTrace> {
    const obstacle = tracingObstacle()
    if (obstacle) throw cannotTrace(obstacle)
    const all = withDescendants(pids)
    const trace = new LockTrace(all, options)
    if (options.stacks) for (const pid of all) trace.#programs.follow(pid)
    await trace.#attached
    return trace
  }

  private constructor(pids: readonly number[], options: TraceOptions) {
    this.#options = options
    const { stacks = false, marks = false } = options
    const program = lockProgram({
      pids,
      stacks,
      marker: marks ? process.pid : undefined,
      callers: stacks && knowsCallers(),
    })
    // The command that it runs, once all probes are in place, repeats what we say and ends when we close its input, or die.
    // In a group of its own, the Ctrl-C of a terminal does not reach it.
    this.#bpftrace = spawn('bpftrace', ['-f', 'json', '-c', '/bin/cat', '-e', program], {
      detached: true,
      // Names of functions are not bpftrace's to look up: it takes seconds of its own, in which a process can end, and bpftrace
      // 0.17 dies of that.
      env: { ...process.env, BPFTRACE_MAP_KEYS_MAX: String(KEYS), BPFTRACE_NO_USER_SYMBOLS: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#bpftrace.stdin.on('error', () => {})
    this.#bpftrace.stderr.setEncoding('utf8').on('data', text => {
      this.#complaints += text
    })
    this.#ended = once(this.#bpftrace, 'close').finally(() => this.#programs.leave())
    this.#attached = new Promise((resolve, reject) => {
      this.#bpftrace.stdout.setEncoding('utf8').on('data', text => {
        // Lines come in pieces.
        const line = this.#printed.lastIndexOf('\n') + 1
        this.#printed += text
        const whole = this.#printed.slice(line, this.#printed.lastIndexOf('\n') + 1)
        if (stacks) for (const pid of startedIn(whole)) this.#programs.follow(pid)
        if (this.#printed.includes(READY)) resolve()
      })
      this.#ended.then(() => reject(this.#failure()), reject)
    })
    this.#bpftrace.stdin.write(READY)
  }

  /** Begins the next section. */
  mark(): void {
    if (!this.#options.marks) throw new TypeError('mark() needs a trace that was started with marks: true')
    process.kill(process.pid, 0)
    this.#sections += 1
  }

  /** Ends the trace. */
  async stop(): Promise<LockReport> {
    this.#bpftrace.stdin.end()
    await this.#ended
    if (this.#bpftrace.exitCode !== 0) throw this.#failure()
    return lockReport(this.#printed, this.#sections, this.#options.stacks ?? false, this.#programs)
  }

  /** Ends it without a report. */
  async abandon(): Promise<void> {
    this.#bpftrace.kill('SIGKILL')
    await this.#ended
  }

  #failure(): Error {
    const complaints = this.#complaints
      .trim()
      .split('\n')
      .filter(line => !line.includes('RLIMIT_MEMLOCK'))
    const { exitCode, signalCode } = this.#bpftrace
    return new Error(`bpftrace ended by ${signalCode ?? `exit code ${exitCode}`}: ${complaints.join('\n')}`)
  }
}

export interface CommandOptions extends TraceOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** Of the command; inherited unless said otherwise. */
  stdio?: 'inherit' | 'ignore'
  /** Ends the command; what was counted until then is reported. */
  signal?: AbortSignal
}

export interface CommandReport extends LockReport {
  /** How the command ended; a shell's 126 and 127 where it could not be started. */
  exit: { code: number | null; signal: NodeJS.Signals | null }
  /** How long it ran, in nanoseconds. */
  elapsed: number
}

/** Runs a command to its end, and follows it and all that it starts from its first instruction on. */
export async function traceCommand(
  file: string,
  words: readonly string[] = [],
  { cwd, env = process.env, stdio = 'inherit', signal, ...options }: CommandOptions = {},
): Promise<CommandReport> {
  // A shell that becomes the command when it is told to: so nothing of it is missed, and its own standard input is left.
  const held = spawn('/bin/sh', ['-c', 'read -r _ <&3; exec 3<&-; exec "$0" "$@"', file, ...words], {
    ...(cwd === undefined ? {} : { cwd }),
    env,
    stdio: [stdio, stdio, stdio, 'pipe'],
  })
  await once(held, 'spawn')
  const ended = once(held, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const end = () => held.kill()
  let trace: LockTrace | undefined
  try {
    trace = await LockTrace.start([held.pid as number], options)
    signal?.throwIfAborted()
    signal?.addEventListener('abort', end)
    const start = process.hrtime.bigint()
    const gate = held.stdio[3] as NodeJS.WritableStream
    gate.on('error', () => {})
    gate.end('\n')
    const [code, killedBy] = await ended
    const elapsed = Number(process.hrtime.bigint() - start)
    return { ...(await trace.stop()), exit: { code, signal: killedBy }, elapsed }
  } catch (error) {
    held.kill('SIGKILL')
    await trace?.abandon()
    throw error
  } finally {
    signal?.removeEventListener('abort', end)
  }
}

/** Whether the registers that a call was made with can be read: on x86-64, where the kernel tells its types. */
const knowsCallers = () => process.arch === 'x64' && existsSync('/sys/kernel/btf/vmlinux')

/** The processes that, as bpftrace prints it, began or went over to another program. */
function startedIn(text: string): number[] {
  return [...text.matchAll(/^\{"type": "printf", "data": "(\d+)\\n"\}$/gm)].map(([, pid]) => Number(pid))
}

/** The processes given and those that came of them, as far as their parents live. */
function withDescendants(pids: readonly number[]): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const parent = parentOf(Number(name))
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const found = new Set<number>()
  const visit = (pid: number) => {
    if (found.has(pid)) return
    found.add(pid)
    for (const child of children.get(pid) ?? []) visit(child)
  }
  for (const pid of pids) visit(pid)
  return [...found]
}

function parentOf(pid: number): number | undefined {
  if (!Number.isInteger(pid)) return undefined
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  } catch {
    // It has ended meanwhile.
    return undefined
  }
}
