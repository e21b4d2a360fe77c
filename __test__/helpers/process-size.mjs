// The size of the process of the test: mappings, descriptors, threads, memory.

import fs from 'node:fs'

/** How many mappings this process has, of whatever. */
export const mappingCount = () => fs.readFileSync('/proc/self/maps', 'latin1').split('\n').length - 1

/** How many descriptors this process has open, but for the one that counts them. */
export const descriptorCount = () => fs.readdirSync('/proc/self/fd').length - 1

/** MiB of this process that are in memory. */
export const residentMiB = () => process.memoryUsage.rss() / 2 ** 20
