// The public part of the lock tracer.

export type { Acquisitions, Figures, LockReport, Section, StackFigures, ThreadFigures } from './report.js'
export { sumFigures } from './report.js'
export { type CommandReport, LockTrace, type TraceOptions, traceCommand, tracingObstacle } from './trace.js'
