// The public part of the tracer that `locks` and `faults` share.

export { HOW_TO_NAME } from './code-map.js'
export type { CommandOptions, Ended, Trace } from './command.js'
export { type Frame, isLibc, packageOf, shortName, TOP_LEVEL, textOf } from './frames.js'
export type { Obstacle, ObstacleName } from './obstacle.js'
export type { Bucket } from './printed.js'
export { lives } from './process-tree.js'
