// capabilities(): what this platform, kernel, runtime and build can do.

import { release } from 'node:os'
import * as binding from '#binding'
// Applies the settings of the environment before the addon is queried.
import './reader.js'

/** The capabilities of this platform, kernel, runtime and build. */
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
   * How pages are faulted in on the thread pool: `'MADV_POPULATE_READ'`, or `'touch'` on kernels before 5.14. `'read'`
   * on platforms other than Linux: no file is mapped there, and every read is a system call on the thread pool.
   */
  readonly populate: 'MADV_POPULATE_READ' | 'touch' | 'read'
  /**
   * Whether the page table shows which pages are mapped, for every user. Otherwise only the owner of a file gets
   * results on the JS thread.
   */
  readonly residencyByPageTable: boolean
  /** Whether a SIGBUS in a mapped file becomes an error. `FAULTLESS_SIGBUS=off` disables that. */
  readonly guard: boolean
  /** Whether files are mapped: only on Linux. Elsewhere they are read, and views are copies. */
  readonly mapping: boolean
  /** Whether mapped bytes can be handed out. Where the runtime forbids it, as Electron does, views are copies. */
  readonly externalBuffers: boolean
  /**
   * Whether `MappedFile.open(path, { shared: true })` gives views that threads share: on Linux with Node 22.23, 24.16,
   * 26.1 and newer.
   */
  readonly sharedViews: boolean
  /** Whether `allocator.tune()` works here: malloc is that of glibc. */
  readonly tune: boolean
  /** Whether `allocator.use('jemalloc')` works here: this build includes it, and external buffers are allowed. */
  readonly jemalloc: boolean
  /** The number of threads in the libuv thread pool. */
  readonly poolSize: number
}

/**
 * Reports the capabilities of this platform, kernel, runtime and build.
 *
 * @returns a frozen object, created anew by each call
 */
export function capabilities(): Capabilities {
  const found = binding.capabilities() as unknown as Omit<Capabilities, 'platform' | 'arch' | 'kernel'>
  return Object.freeze({ platform: process.platform, arch: process.arch, kernel: release(), ...found })
}
