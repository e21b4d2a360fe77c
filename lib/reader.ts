// The addon's calls that answer at once, on what one thread knows of a file.

import { readerFunctions } from '#binding'

export const { tryCopy, tryCopyMany, readyViews, tryReadPath, release } = readerFunctions()
