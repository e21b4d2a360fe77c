// capabilities(): what this platform, kernel, runtime and build can do.

import { release } from 'node:os'
import * as binding from '#binding'

/**
 * What works here, and by which means:
 *
 * - `platform`, `arch`, `kernel`: where this runs.
 * - `pageSize`: bytes of a page.
 * - `populate`: how pages are faulted in on the pool: `'MADV_POPULATE_READ'`, or `'touch'` on kernels before 5.14. `'read'` on
 *   all platforms but Linux: nothing is mapped there, every read goes to the pool and copies by a system call.
 * - `residencyByPageTable`: whether presence is read from the page table, which answers every user truly. Without it, only
 *   the owner of a file gets answers on the JS thread.
 * - `guard`: whether a SIGBUS of ours is turned into an error (`FAULTLESS_SIGBUS=off` leaves that out).
 * - `mapping`: whether files are mapped: on Linux. Elsewhere they are read, and views are copies.
 * - `externalBuffers`: whether mapped bytes can be handed out; where the runtime forbids it (Electron), views are copies.
 * - `sharedViews`: whether `MappedFile.open(path, { shared: true })` gives mapped bytes that threads share: Linux, on Node 22.23,
 *   24.16, 26.1 and newer.
 * - `tune`: whether `allocator.tune()` works here: malloc is glibc's own.
 * - `jemalloc`: whether `allocator.use('jemalloc')` works here: it is in this build, and external buffers are allowed.
 * - `poolSize`: threads of the libuv pool.
 *
 * @returns a frozen object, made anew by each call
 */
export function capabilities(): Readonly<Record<string, boolean | number | string>> {
  return Object.freeze({
    platform: process.platform,
    arch: process.arch,
    kernel: release(),
    ...binding.capabilities(),
  })
}
