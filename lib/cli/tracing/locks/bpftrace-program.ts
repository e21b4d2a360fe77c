// The bpftrace program that follows processes and counts how often, and after which wait, their threads take mmap_lock.

import { callers, findCaller, followed } from '../tracer.js'

/** Frames of a user stack: the innermost ones show the code that took the lock. */
const FRAMES = 16
/** The calls that take the lock for writing, by their numbers on x86-64: mmap, mprotect, munmap, mremap, madvise. */
const CALLS = [9, 10, 11, 25, 28]
export interface ProgramOptions {
  /** The processes to follow from the beginning, with their descendants. */
  pids: readonly number[]
  /** The process whose `kill(itself, 0)` begins the next section; without one there is one section. */
  marker: number | undefined
  /**
   * Whether user stacks are collected, with the return address of the call: functions of libc that call the kernel keep
   * no frame.
   */
  stacks: boolean
}

/**
 * The kernel reports the downgrade of a write lock as another acquisition without a start. A thread that holds the lock
 * already is distinguished from one whose acquisition started before the trace. `@taken` has a single key, so it loses
 * nothing: the difference to the sum of `@waits` was lost.
 */
export function lockProgram({ pids, marker, stacks }: ProgramOptions): string {
  const section = marker === undefined ? '0' : '@section'
  const key = `${section}, pid, $write, comm`
  const stackKey = `${section}, pid, $write, ${callers().join(', ')}, comm, ustack(perf, ${FRAMES})`
  const caller = findCaller(CALLS.map(number => `$call == ${number}`).join(' || '))
  return `
${followed(pids, stacks)}

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
      ${stacks ? `${caller} @stacks[${stackKey}] = stats($wait);` : ''}
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

${
  marker === undefined
    ? ''
    : `
tracepoint:syscalls:sys_enter_kill /pid == ${marker} && args->pid == ${marker} && args->sig == 0/ { @section++; }`
}
END { clear(@followed); clear(@begun); clear(@since); ${marker === undefined ? '' : 'clear(@section);'} }
`
}
