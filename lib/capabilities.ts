// capabilities(): what this platform, kernel, runtime and build can do.

import * as binding from '#binding'

/**
 * What works here, and by which means:
 *
 * - `platform`, `arch`, `kernel`: where this runs.
 * - `pageSize`: bytes of a page.
 * - `populate`: how pages are faulted in on the pool: `'MADV_POPULATE_READ'`, or `'touch'` on kernels before 5.14.
 * - `residencyByPageTable`: whether presence is read from the page table, which answers every user truly. Without it, only
 *   the owner of a file gets answers on the JS thread.
 * - `guard`: whether a SIGBUS of ours is turned into an error (`FAULTLESS_SIGBUS=off` leaves that out).
 * - `externalBuffers`: whether views can be handed out; Electron forbids it.
 * - `jemalloc`, `tune`: whether results can come from jemalloc, and malloc be tuned; not in this version.
 * - `poolSize`: threads of the libuv pool.
 */
export function capabilities(): Readonly<Record<string, boolean | number | string>> {
  return Object.freeze({
    platform: process.platform,
    arch: process.arch,
    ...binding.capabilities(),
    jemalloc: false,
    tune: false,
  })
}
