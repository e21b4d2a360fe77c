// The bpftrace program that follows processes, prints each page fault in which a thread waited, and counts the others.

import { existsSync } from 'node:fs'
import { callers, findCaller, followed, hasTypes } from '../tracer.js'

/** Frames of a user stack: enough to reach the JavaScript callers, and the frames that show the role of the thread. */
const FRAMES = 96

export interface ProgramOptions {
  /** The processes to follow from the beginning, with their descendants. */
  pids: readonly number[]
  /** The process whose `kill(itself, 0)` has the time of the kernel's clock printed. */
  marker: number
  /** Whether page faults without a wait are timed as well. */
  all: boolean
}

/**
 * A fault begins where the processor enters the kernel, and ends where the kernel counts it. A minor fault can wait as
 * well: for a page that another thread or read-ahead is reading. So a fault counts as waited if it is major, or if the
 * thread gave up the processor meanwhile.
 *
 * Faults that the kernel takes without the processor, as direct I/O does for the pages of a buffer, have no beginning
 * and are left out.
 */
export function faultProgram({ pids, marker, all }: ProgramOptions): string {
  const switches = hasTypes() ? 'curtask->nvcsw' : '(uint64)0'
  const waited = (major: 0 | 1) => `
      ${findCaller()}
      $file = @file[tid];
      @faults[pid, tid, comm] = stats($wait);
      @longest[pid, tid, comm] = max($wait);
      @histogram[pid, tid, comm] = hist($wait);
      printf("F %d %d ${major} %llu %llu %llu %llu %llu ${callers()
        .map(() => '%llu')
        .join(' ')} %s%s\\n",
        pid, tid, $begun.0, $wait, $begun.1, $file.0, $file.1, ${callers().join(', ')}, comm, ustack(perf, ${FRAMES}));`
  const quick = `
      @cost[pid, tid, comm] = stats($wait);
      @stacks[pid, tid, ustack(perf, ${FRAMES})] = stats($wait);`
  return `
${followed(pids, true)}

tracepoint:syscalls:sys_enter_kill /pid == ${marker} && args->pid == ${marker} && args->sig == 0/ { printf("T %llu\\n", nsecs); }

tracepoint:exceptions:page_fault_user, tracepoint:exceptions:page_fault_kernel /@followed[pid]/ {
  @begun[tid] = (nsecs, (uint64)args->address, ${switches});
}
${existsSync(FILE_FAULTS) ? FILE : 'BEGIN { @file[0] = ((uint64)0, (uint64)0); }'}
software:major-faults:1 /@followed[pid]/ {
  $begun = @begun[tid];
  if ($begun.0) {
    $wait = nsecs - $begun.0;
    @major[pid, tid, comm] = count();
    ${waited(1)}
    delete(@begun[tid]);
    delete(@file[tid]);
  }
}
software:minor-faults:1 /@followed[pid]/ {
  $begun = @begun[tid];
  if ($begun.0) {
    $wait = nsecs - $begun.0;
    if (${switches} != $begun.2) {
      ${waited(0)}
    } else {
      @quick[pid, tid, comm] = count();
      ${all ? quick : ''}
    }
    delete(@begun[tid]);
    delete(@file[tid]);
  }
}
END { clear(@followed); clear(@begun); clear(@file); }
`
}

const FILE_FAULTS = '/sys/kernel/tracing/events/filemap/mm_filemap_fault'
/**
 * Newer kernels report the file of a fault. Otherwise the mapping at the address may have changed before it is read.
 */
const FILE = `
tracepoint:filemap:mm_filemap_fault /@begun[tid].0/ {
  @file[tid] = ((uint64)args->s_dev, (uint64)args->i_ino);
}`
