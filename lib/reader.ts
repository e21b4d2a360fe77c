// The addon's functions of the hot path, which return at once.

import { configure, readerFunctions } from '#binding'

const { FAULTLESS_SIGBUS, FAULTLESS_POPULATE, UV_THREADPOOL_SIZE } = process.env
configure(FAULTLESS_SIGBUS === 'off', FAULTLESS_POPULATE === 'touch', UV_THREADPOOL_SIZE)

export const {
  tryCopy,
  tryCopyMany,
  readyViews,
  mappedViews,
  checkView,
  tryReadPath,
  tryAcquire,
  relinquish,
  largeMemory,
} = readerFunctions()
