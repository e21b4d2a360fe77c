// Flags in shared memory, by which JavaScript tells a job under way that a range is not wanted any more.

/** Flags of one kept array: a job has as many ranges, where it is not one for many thousands. */
const FLAGS = 256

/** Kept for reuse: more jobs than this are hardly ever under way in one environment. */
const KEPT = 8

const free: Int32Array[] = []

/**
 * Flags for so many ranges at least, none of them set. For fresh shared memory V8 collects its young garbage as long as a window
 * is young, which would stop the thread twice for each file that is gone through.
 */
export function takeFlags(count: number): Int32Array {
  return (count <= FLAGS && free.pop()) || new Int32Array(new SharedArrayBuffer(4 * Math.max(count, FLAGS)))
}

/** Gives flags back, when nobody looks at them or sets them any more. */
export function giveFlags(flags: Int32Array): void {
  if (flags.length > FLAGS || free.length >= KEPT) return
  free.push(flags.fill(0))
}
