// Runs a bpftrace program on processes and their descendants, and reads the mappings of each.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { Maps, readLine } from './printed.js'
import { withDescendants } from './process-tree.js'
import { Programs } from './traced-processes.js'

/**
 * The largest number of keys in a map: names of threads in processes, times the columns of a histogram. Further keys
 * count as lost.
 */
const KEYS = 1 << 14
/** Pages of the output buffer of each core, for events that come while bpftrace is busy. */
const BUFFER_PAGES = 1024
const READY = 'ready'

export interface TracerOptions {
  /**
   * The bpftrace program that follows these processes. It prints the id of each process that begins, or executes
   * another program.
   */
  program(pids: readonly number[]): string
  /** Whether stacks are collected; then the mappings of the processes are read. */
  stacks: boolean
  /** Called with the other lines that the program prints. */
  onPrint?: (text: string, programs: Programs) => void
}

export class Tracer {
  readonly programs = new Programs()
  /** The number of events that were lost because there was too much to print. */
  lost = 0
  readonly #options: TracerOptions
  readonly #bpftrace: ChildProcessWithoutNullStreams
  readonly #ended: Promise<unknown>
  readonly #attached: Promise<void>
  #attach = () => {}
  #rest = ''
  #lines: string[] = []
  #complaints = ''

  /**
   * Follows these processes, all their threads, and all their present and future descendants. Resolves when counting
   * has started. A process that they start within the half second that this takes may be missed; their threads cannot.
   */
  static async start(pids: readonly number[], options: TracerOptions): Promise<Tracer> {
    const all = withDescendants(pids)
    const tracer = new Tracer(all, options)
    if (options.stacks) for (const pid of all) tracer.programs.follow(pid)
    await tracer.#attached
    return tracer
  }

  private constructor(pids: readonly number[], options: TracerOptions) {
    this.#options = options
    // bpftrace runs cat once all probes are attached. cat repeats our message, and ends when its input is closed, or
    // when this process dies. bpftrace is in its own process group, so the Ctrl-C of a terminal does not reach it.
    this.#bpftrace = spawn('bpftrace', ['-f', 'json', '--no-warnings', '-c', '/bin/cat', '-e', options.program(pids)], {
      detached: true,
      env: {
        ...process.env,
        BPFTRACE_MAP_KEYS_MAX: String(KEYS),
        BPFTRACE_PERF_RB_PAGES: String(BUFFER_PAGES),
        // bpftrace must not look up function names: it takes seconds of its own, in which a process can end, and
        // bpftrace 0.17 crashes then.
        BPFTRACE_NO_USER_SYMBOLS: '1',
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#bpftrace.stdin.on('error', () => {})
    this.#bpftrace.stderr.setEncoding('utf8').on('data', text => {
      this.#complaints += text
    })
    this.#ended = once(this.#bpftrace, 'close').finally(() => this.programs.leave())
    this.#attached = new Promise((resolve, reject) => {
      this.#attach = resolve
      this.#ended.then(() => reject(this.#failure()), reject)
    })
    this.#bpftrace.stdout.setEncoding('utf8').on('data', text => {
      // Lines may be split between events.
      const lines = (this.#rest + text).split('\n')
      this.#rest = lines.pop() ?? ''
      for (const line of lines) this.#read(line)
    })
    this.#bpftrace.stdin.write(`${READY}\n`)
  }

  #read(line: string): void {
    if (line === READY) this.#attach()
    // Maps come last and may be long, so they are parsed at the end.
    if (!/^\{"type": "(printf|lost_events)"/.test(line)) {
      this.#lines.push(line)
      return
    }
    const { type, data } = readLine(line) ?? {}
    if (type === 'lost_events') this.lost += (data as { events: number }).events
    else if (!/^\d+\n$/.test(data as string)) this.#options.onPrint?.(data as string, this.programs)
    else if (this.#options.stacks) this.programs.follow(Number(data))
  }

  /** Stops the trace. Its maps are the counts of the program. */
  async stop(): Promise<Maps> {
    this.#bpftrace.stdin.end()
    await this.#ended
    if (this.#bpftrace.exitCode !== 0) throw this.#failure()
    return new Maps(this.#lines)
  }

  /** Stops the trace without a result. */
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

/** Whether the kernel describes its types (BTF), so that its data of a thread can be read. */
export const hasTypes = (): boolean => existsSync('/sys/kernel/btf/vmlinux')
/** Whether the user registers of a kernel entry can be read: on x86-64. */
export const knowsCallers = (): boolean => process.arch === 'x64' && hasTypes()

/** From linux/sched.h: the new task is a thread of the same process. */
const CLONE_THREAD = 0x10000
/** Bytes of a kernel stack on x86-64. The user registers are at its end. */
const KERNEL_STACK = 16384
/** The code segment of 64-bit user code: other values mean that these are not registers. */
const USER_CODE = 0x33

/**
 * The beginning of every bpftrace program. It follows processes, whatever the names of their threads. A process id is
 * dropped when a process that is not followed reuses it. Mappings can be read only while a process is alive, so the
 * start of each program is printed.
 */
export const followed = (pids: readonly number[], stacks: boolean): string => `
BEGIN { ${pids.map(pid => `@followed[${pid}] = 1;`).join(' ')} }

tracepoint:task:task_newtask /(args->clone_flags & ${CLONE_THREAD}) == 0/ {
  if (@followed[pid]) { @followed[args->pid] = 1; ${stacks ? 'printf("%d\\n", args->pid); ' : ''}} else { delete(@followed[args->pid]); }
}
${stacks ? 'tracepoint:sched:sched_process_exec /@followed[pid]/ { printf("%d\\n", pid); }' : ''}
`

/** Words of a stack to search, and callers to follow from there. */
const SEARCHED = 1000
const CALLERS = 16
/**
 * This many frame pointers in a row are neither chance nor the rest of a finished call. A chain that reaches the start
 * of a thread counts as well.
 */
const CERTAIN = 8
/** The longest frame in bytes, as a power of two. */
const FRAME_BITS = 16

/**
 * Sets `$caller` to the address on top of the user stack, or to 0. Functions of libc keep no frame, so a stack walk
 * skips their caller; the top of the stack has the return address to it. `$call` is the system call, -1 for none.
 *
 * Stacks are walked by frame pointers. Where the register has another value, as in malloc and in addons that were
 * compiled without frame pointers, the stack is searched for the first frame pointer that such a function has saved.
 * The other variables of `callers()` are the return addresses of the functions above it, or 0.
 *
 * @param where a condition of bpftrace
 */
export function findCaller(where = '1'): string {
  const names = callers()
  const none = names.map(name => `${name} = (uint64)0;`).join(' ')
  if (!knowsCallers()) return none
  // 0 where `to` is higher on the stack, and no further away than the longest frame. The verifier of the kernel follows
  // each branch, and without branches it ends in time.
  const strays = (from: string, to: string) => `((${to} - ${from} - 1) >> ${FRAME_BITS})`
  // All bits set, unless the value is 0, as at the start of a thread.
  const isSome = (value: string) => `(0 - ((${value} | (0 - ${value})) >> 63))`
  const step = '$low = $up; $up = *(uint64 *)uptr($low);'
  return `
      ${none}
      // Newer kernels leave 16 bytes free at the end of the stack.
      $regs = (struct pt_regs *)((uint64)curtask->stack + ${KERNEL_STACK} - sizeof(struct pt_regs));
      if ($regs->cs != ${USER_CODE}) { $regs = (struct pt_regs *)((uint64)$regs - 16); }
      $call = $regs->orig_ax;
      if ($regs->cs == ${USER_CODE} && (${where})) {
        $at = (uint64)$regs->sp;
        $caller = *(uint64 *)uptr($at);
        $frame = (uint64)$regs->bp;
        $next = *(uint64 *)uptr($frame);
        if ((${strays('$at', '$frame')} | ${strays('$frame', '$next')}) != 0) {
          $frame = (uint64)0;
          // Where a thread began frame pointers end with 0, as do many words that are none: that is for want of better.
          $short = (uint64)0;
          $searched = 0;
          while ($searched < ${SEARCHED}) {
            $low = $at;
            $up = *(uint64 *)uptr($low);
            if (${strays('$low', '$up')} == 0) {
              ${step}
              $astray = ${strays('$low', '$up')};
              $endless = $astray;
              ${`${step} $endless = $endless | ${strays('$low', '$up')}; $astray = $astray | (${strays('$low', '$up')} & ${isSome('$up')});\n`.repeat(CERTAIN)}
              if ($endless == 0) { $frame = *(uint64 *)uptr($at); break; }
              if ($astray == 0 && $short == 0) { $short = *(uint64 *)uptr($at); }
            }
            $at = $at + 8;
            $searched++;
          }
          if ($frame == 0) { $frame = $short; }
          ${names
            .slice(1)
            .map(name => `if ($frame) { ${name} = *(uint64 *)uptr($frame + 8); $frame = *(uint64 *)uptr($frame); }`)
            .join('\n          ')}
        }
      }
`
}

/** The variables that `findCaller()` sets. */
export const callers = (): string[] => ['$caller', ...Array.from({ length: CALLERS }, (_, index) => `$above${index}`)]
