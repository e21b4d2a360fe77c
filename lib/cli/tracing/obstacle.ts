// Checks whether the events of the kernel can be traced here, before anything is started; names the obstacle and its
// cure.

import { execFileSync } from 'node:child_process'
import { existsSync, readlinkSync } from 'node:fs'
import { platform } from 'node:os'

export type ObstacleName = 'not-linux' | 'not-root' | 'pid-namespace' | 'no-tracefs' | 'no-tracepoints' | 'no-bpftrace'

export interface Obstacle {
  name: ObstacleName
  /** What is missing, and the cure. */
  reason: string
}

/** The group of tracepoints of a trace, and what a kernel needs to have them. */
export interface Subject {
  events: string
  needs: string
}

/** The inode of the first PID namespace, fixed in the source of the kernel: PROC_PID_INIT_INO. */
const FIRST_PID_NAMESPACE = 'pid:[4026531836]'
const TRACEFS = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing']

/** The first obstacle to this trace, or undefined without one. Changes nothing on the machine. */
export function obstacleTo({ events, needs }: Subject): Obstacle | undefined {
  const os = platform()
  if (os !== 'linux') return { name: 'not-linux', reason: `only Linux has these tracepoints, and this is ${os}` }
  if (process.geteuid?.() !== 0)
    return { name: 'not-root', reason: 'only root may read tracepoints: run the command as root' }
  if (readlinkSync('/proc/self/ns/pid') !== FIRST_PID_NAMESPACE) {
    const reason =
      "the kernel's events have other process ids than this container: run the command outside, or with --pid=host"
    return { name: 'pid-namespace', reason }
  }
  const folder = TRACEFS.find(place => existsSync(`${place}/events`))
  if (folder === undefined) {
    return { name: 'no-tracefs', reason: 'tracefs is not mounted: mount -t tracefs nodev /sys/kernel/tracing' }
  }
  if (!existsSync(`${folder}/events/${events}`)) {
    const reason = `this kernel has no ${events} tracepoints: they need ${needs}`
    return { name: 'no-tracepoints', reason }
  }
  try {
    execFileSync('bpftrace', ['--version'], { stdio: 'ignore' })
  } catch {
    return { name: 'no-bpftrace', reason: 'bpftrace is not installed: apt-get install bpftrace' }
  }
  return undefined
}
