// One listener per AbortSignal, however many reads wait on it: Node warns of a leak from eleven on.

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
        // Callbacks take themselves off the set while it is gone through, which a Set allows.
        for (const abort of fresh) abort()
      },
      { once: true },
    )
  }
  callbacks.add(callback)
}

/** Takes a callback back. The listener stays, for the next read with this signal. */
export function forget(signal: AbortSignal, callback: () => void): void {
  waiting.get(signal)?.delete(callback)
}
