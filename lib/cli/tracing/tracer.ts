// Runs a program of bpftrace's over processes and all that they start, and knows what is mapped in each of them.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { Maps, readLine } from './printed.js'
import { withDescendants } from './process-tree.js'
import { Programs } from './traced-processes.js'

/** Keys of a map: names of threads in processes, times the columns of a histogram. What finds no room is counted as lost. */
const KEYS = 1 << 14
/** For each core, and for what is printed: so many pages hold what comes while bpftrace is busy. */
const BUFFER_PAGES = 1024
const READY = 'ready'

export interface TracerOptions {
  /** The program of bpftrace's that follows these processes. It prints the number of each process that begins, or goes over to another program. */
  program(pids: readonly number[]): string
  /** Whether stacks are collected: then what is mapped in the processes is looked at. */
  stacks: boolean
  /** What the program prints else. */
  onPrint?: (text: string, programs: Programs) => void
}

export class Tracer {
  readonly programs = new Programs()
  /** How many times there was too much to print. */
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
   * Follows these processes, all their threads, and all that they have started and will start. Resolves when it counts.
   * A process born of them in the half second that this takes can be missed; its threads cannot.
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
    // The command that it runs, once all probes are in place, repeats what we say and ends when we close its input, or die.
    // In a group of its own, the Ctrl-C of a terminal does not reach it.
    this.#bpftrace = spawn('bpftrace', ['-f', 'json', '--no-warnings', '-c', '/bin/cat', '-e', options.program(pids)], {
      detached: true,
      env: {
        ...process.env,
        BPFTRACE_MAP_KEYS_MAX: String(KEYS),
        BPFTRACE_PERF_RB_PAGES: String(BUFFER_PAGES),
        // Names of functions are not bpftrace's to look up: it takes seconds of its own, in which a process can end, and bpftrace
        // 0.17 dies of that.
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
      // Lines come in pieces.
      const lines = (this.#rest + text).split('\n')
      this.#rest = lines.pop() ?? ''
      for (const line of lines) this.#read(line)
    })
    this.#bpftrace.stdin.write(`${READY}\n`)
  }

  #read(line: string): void {
    if (line === READY) this.#attach()
    // Maps come last, and may be long.
    if (!/^\{"type": "(printf|lost_events)"/.test(line)) {
      this.#lines.push(line)
      return
    }
    const { type, data } = readLine(line) ?? {}
    if (type === 'lost_events') this.lost += (data as { events: number }).events
    else if (!/^\d+\n$/.test(data as string)) this.#options.onPrint?.(data as string, this.programs)
    else if (this.#options.stacks) this.programs.follow(Number(data))
  }

  /** Ends it. Its maps are what the program has counted. */
  async stop(): Promise<Maps> {
    this.#bpftrace.stdin.end()
    await this.#ended
    if (this.#bpftrace.exitCode !== 0) throw this.#failure()
    return new Maps(this.#lines)
  }

  /** Ends it without a result. */
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

/** Whether the kernel tells its types (BTF), so that what it keeps of a thread can be read. */
export const hasTypes = (): boolean => existsSync('/sys/kernel/btf/vmlinux')
/** Whether the registers that the kernel was entered with can be read: on x86-64. */
export const knowsCallers = (): boolean => process.arch === 'x64' && hasTypes()

/** From linux/sched.h: what is born is a thread of the same process. */
const CLONE_THREAD = 0x10000
/** Bytes of a kernel stack on x86-64, at the end of which are the registers that the kernel was entered with. */
const KERNEL_STACK = 16384
/** What a code segment of 64 bits is called: what looks otherwise is no registers. */
const USER_CODE = 0x33

/**
 * What every program begins with. Processes are followed, whatever their threads are called. A process that somebody else starts under
 * an id of one that was followed is let go of. What lies at an address can be looked up only while the process lives, so the start
 * of each program is printed.
 */
export const followed = (pids: readonly number[], stacks: boolean): string => `
BEGIN { ${pids.map(pid => `@followed[${pid}] = 1;`).join(' ')} }

tracepoint:task:task_newtask /(args->clone_flags & ${CLONE_THREAD}) == 0/ {
  if (@followed[pid]) { @followed[args->pid] = 1; ${stacks ? 'printf("%d\\n", args->pid); ' : ''}} else { delete(@followed[args->pid]); }
}
${stacks ? 'tracepoint:sched:sched_process_exec /@followed[pid]/ { printf("%d\\n", pid); }' : ''}
`

/** Words of a stack that are searched, and callers that are followed from there. */
const SEARCHED = 1000
const CALLERS = 16
/** What leads up the stack so many times in a row is no chance, nor the rest of a call that is over; or up to where a thread began. */
const CERTAIN = 8
/** Bytes that a frame is long, at most, as a power of two. */
const FRAME_BITS = 16

/**
 * Sets `$caller` to the address that is on top of the user stack, or to 0: libc's functions keep no frame, so whoever called them is
 * skipped, and is where they return to. `$call` is the system call, -1 where there is none.
 *
 * Stacks are walked by frame pointers. Where that register holds something else, as in malloc and in addons that were compiled without,
 * the first frame pointer is looked for that such a function has saved. The others of `callers()`
 * are where the functions above it return to, or 0.
 *
 * @param where what has to hold
 */
export function findCaller(where = '1'): string {
  const names = callers()
  const none = names.map(name => `${name} = (uint64)0;`).join(' ')
  if (!knowsCallers()) return none
  // Nothing where it is higher on the stack, and no further away than a frame is long. The kernel's check of a program follows each branch
  // anew: without any it comes to its end in time.
  const strays = (from: string, to: string) => `((${to} - ${from} - 1) >> ${FRAME_BITS})`
  // All bits, unless it is 0, as where a thread began.
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

/** What `findCaller()` sets. */
export const callers = (): string[] => ['$caller', ...Array.from({ length: CALLERS }, (_, index) => `$above${index}`)]
