// The public part of the page fault tracer.

export type { Fault, FaultReport, Memory, QuickStack, ThreadFaults } from './report.js'
export type { Role } from './threads.js'
export { type FaultCommandReport, type FaultOptions, faultObstacle, faultsOfCommand, followFaults } from './trace.js'
