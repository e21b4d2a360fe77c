// The bpftrace program that follows processes and counts how often, and after which wait, their threads take mmap_lock.

/** From linux/sched.h: what is born is a thread of the same process. */
const CLONE_THREAD = 0x10000
/** Frames of a user stack: those next to the kernel tell who it was. */
const FRAMES = 16
/** The calls that take the lock for writing, by their numbers on x86-64: mmap, mprotect, munmap, mremap, madvise. */
const CALLS = [9, 10, 11, 25, 28]
/** Bytes of a kernel stack there, at the end of which are the registers that the kernel was entered with. */
const KERNEL_STACK = 16384
/** What a code segment of 64 bits is called: what looks otherwise is no registers. */
const USER_CODE = 0x33

export interface ProgramOptions {
  /** Processes that are followed from the beginning, with all that they start. */
  pids: readonly number[]
  /** The process whose `kill(itself, 0)` begins the next section; without one there is one section. */
  marker: number | undefined
  /** Whether user stacks are collected. */
  stacks: boolean
  /**
   * Whether the address that a call returns to goes with its stack. The stack is walked by frame pointers, and libc's functions
   * that call the kernel keep none: whoever called them is skipped. On x86-64, with the types of the kernel (BTF).
   */
  callers: boolean
}

// Newer kernels leave 16 bytes free at the end of the stack.
const FIND_CALLER = `
      $caller = (uint64)0;
      $regs = (struct pt_regs *)((uint64)curtask->stack + ${KERNEL_STACK} - sizeof(struct pt_regs));
      if ($regs->cs != ${USER_CODE}) { $regs = (struct pt_regs *)((uint64)$regs - 16); }
      $call = $regs->orig_ax;
      if ($regs->cs == ${USER_CODE} && (${CALLS.map(number => `$call == ${number}`).join(' || ')})) {
        $caller = *(uint64 *)uptr($regs->sp);
      }
`

/**
 * Processes are followed, whatever their threads are called. A process that somebody else starts under an id of one that
 * was followed is let go of.
 *
 * The kernel reports the downgrade of a lock held for writing as one more acquisition that nobody began: whoever holds the
 * lock already is told apart from whoever began before the trace did. `@taken` has a single key, which cannot run out of
 * room: what it has more than all keys of `@waits` together was lost.
 *
 * What lies at an address can be looked up only while the process lives, so the start of each program is printed.
 */
export function lockProgram({ pids, marker, stacks, callers }: ProgramOptions): string {
  const section = marker === undefined ? '0' : '@section'
  const key = `${section}, pid, $write, comm`
  const stackKey = `${section}, pid, $write, $caller, comm, ustack(perf, ${FRAMES})`
  return `
BEGIN { ${pids.map(pid => `@followed[${pid}] = 1;`).join(' ')} }

tracepoint:mmap_lock:mmap_lock_released /@followed[pid]/ {
  $mm = (uint64)args->mm;
  $write = (uint64)args->write;
  $since = @since[tid, $mm];
  if ($since) {
    delete(@since[tid, $mm]);
    @held[${key}] = stats(nsecs - $since);
  }
}
tracepoint:mmap_lock:mmap_lock_acquire_returned /@followed[pid]/ {
  $now = nsecs;
  $begun = @begun[tid];
  $mm = (uint64)args->mm;
  $write = (uint64)args->write;
  if ($begun) {
    delete(@begun[tid]);
    if (args->success) {
      $wait = $now - $begun;
      @taken = count();
      @waits[${key}] = stats($wait);
      @longest[${key}] = max($wait);
      @histogram[${key}] = hist($wait);
      ${stacks ? `${callers ? FIND_CALLER : '$caller = (uint64)0;'} @stacks[${stackKey}] = stats($wait);` : ''}
      @since[tid, $mm] = $now;
    } else { @failed[${key}] = count(); }
  } else if (args->success) {
    $since = @since[tid, $mm];
    if ($since) {
      $write = (uint64)1;
      @held[${key}] = stats($now - $since);
      @since[tid, $mm] = $now;
    } else { @unmatched = count(); }
  }
}

tracepoint:mmap_lock:mmap_lock_start_locking {
  if (@followed[pid]) { @begun[tid] = nsecs; } else { @leftOut = count(); }
}

tracepoint:task:task_newtask /(args->clone_flags & ${CLONE_THREAD}) == 0/ {
  if (@followed[pid]) { @followed[args->pid] = 1; ${stacks ? 'printf("%d\\n", args->pid); ' : ''}} else { delete(@followed[args->pid]); }
}

${
  marker === undefined
    ? ''
    : `
tracepoint:syscalls:sys_enter_kill /pid == ${marker} && args->pid == ${marker} && args->sig == 0/ { @section++; }`
}
${stacks ? 'tracepoint:sched:sched_process_exec /@followed[pid]/ { printf("%d\\n", pid); }' : ''}
END { clear(@followed); clear(@begun); clear(@since); ${marker === undefined ? '' : 'clear(@section);'} }
`
}
