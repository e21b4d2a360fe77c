// What may be used of the lock tracer.

export { type Obstacle, type ObstacleName, tracingObstacle } from './obstacle.js'
export type { Acquisitions, Bucket, Figures, LockReport, Section, StackFigures, ThreadFigures } from './report.js'
export { sumFigures } from './report.js'
export { type CommandOptions, type CommandReport, LockTrace, type TraceOptions, traceCommand } from './trace.js'
