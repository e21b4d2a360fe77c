// The option `shared` of files and chunks: whether views are over a SharedArrayBuffer.

import { capabilities } from '#binding'
import { invalidArgType, unsupported } from './errors.js'

/** Checks the option. Where nothing is mapped, views are copies, which can be shared on every Node. */
export function toShared(value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalidArgType('options.shared', 'of type boolean', value)
  if (value && !isAvailable()) {
    throw unsupported(
      `shared views need Node 22.23, 24.16, 26.1 or newer, and external buffers; this is ${process.version}. ` +
        'Open the file in each worker instead, or pass shared: capabilities().sharedViews',
    )
  }
  return value
}

let available: boolean | undefined

// Asked once, and only where it counts: it takes a millisecond, and open() and chunks() check the option.
function isAvailable(): boolean {
  if (available === undefined) {
    const { mapping, sharedViews } = capabilities()
    available = !mapping || Boolean(sharedViews)
  }
  return available
}
