// capabilities(): what this platform, kernel, runtime and build can do.

import { release } from 'node:os'
import * as binding from '#binding'
// What the environment asks for counts before anything else is asked.
import './reader.js'

/** What works here, and by which means. */
export interface Capabilities {
  /** As `process.platform`. */
  readonly platform: NodeJS.Platform
  /** As `process.arch`. */
  readonly arch: NodeJS.Architecture
  /** The release of the kernel. */
  readonly kernel: string
  /** Bytes of a page. */
  readonly pageSize: number
  /**
   * How pages are faulted in on the pool: `'MADV_POPULATE_READ'`, or `'touch'` on kernels before 5.14. `'read'` on all platforms but
   * Linux: nothing is mapped there, every read goes to the pool and copies by a system call.
   */
  readonly populate: 'MADV_POPULATE_READ' | 'touch' | 'read'
  /**
   * Whether presence is read from the page table, which answers every user correctly. Without it, only the owner of a file gets
   * answers on the JS thread.
   */
  readonly residencyByPageTable: boolean
  /** Whether a SIGBUS of a mapped file is turned into an error (`FAULTLESS_SIGBUS=off` leaves that out). */
  readonly guard: boolean
  /** Whether files are mapped: on Linux. Elsewhere they are read, and views are copies. */
  readonly mapping: boolean
  /** Whether mapped bytes can be handed out; where the runtime forbids it (Electron), views are copies. */
  readonly externalBuffers: boolean
  /** Whether `MappedFile.open(path, { shared: true })` gives mapped bytes that threads share: Linux, on Node 22.23, 24.16, 26.1 and newer. */
  readonly sharedViews: boolean
  /** Whether `allocator.tune()` works here: malloc is glibc's own. */
  readonly tune: boolean
  /** Whether `allocator.use('jemalloc')` works here: it is in this build, and external buffers are allowed. */
  readonly jemalloc: boolean
  /** Threads of the libuv pool. */
  readonly poolSize: number
}

/**
 * What works here, and by which means.
 *
 * @returns a frozen object, made anew by each call
 */
export function capabilities(): Capabilities {
  const found = binding.capabilities() as unknown as Omit<Capabilities, 'platform' | 'arch' | 'kernel'>
  return Object.freeze({ platform: process.platform, arch: process.arch, kernel: release(), ...found })
}
