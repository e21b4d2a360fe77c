// One listener per AbortSignal, whatever the number of reads that wait on it: Node warns of a leak from eleven
// listeners on.

const waiting = new WeakMap<AbortSignal, Set<() => void>>()

/** Calls back when the signal is aborted, unless {@link forget} comes first. */
export function onAbort(signal: AbortSignal, callback: () => void): void {
  let callbacks = waiting.get(signal)
  if (!callbacks) {
    const fresh = new Set<() => void>()
    callbacks = fresh
    waiting.set(signal, fresh)
    signal.addEventListener(
      'abort',
      () => {
        // Callbacks remove themselves during the iteration, which a Set allows.
        for (const abort of fresh) abort()
      },
      { once: true },
    )
  }
  callbacks.add(callback)
}

/** Removes a callback. The listener stays, for the next read with this signal. */
export function forget(signal: AbortSignal, callback: () => void): void {
  waiting.get(signal)?.delete(callback)
}
