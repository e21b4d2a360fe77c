// The addon's calls of the hot path, which answer at once.

import { readerFunctions } from '#binding'

export const { tryCopy, tryCopyMany, readyViews, mappedViews, tryReadPath, release, jemallocMemory } = readerFunctions()
