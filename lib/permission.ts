// Node's permission model: an addon can open files that node:fs may not, so the permission is checked first.

import type { Buffer } from 'node:buffer'
import { resolve } from 'node:path'
import { accessDenied } from './errors.js'

type Scope = 'fs.read' | 'fs.write'

// Undefined where Node was started without --permission.
const { permission } = process as { permission?: { has(scope: Scope, path: string): boolean } }

/** Refuses a path that the permission model does not allow, as node:fs does. */
export function mustBeAllowed(path: string | Buffer, writes: boolean): void {
  if (!permission) return
  const whole = resolve(path.toString())
  if (!permission.has('fs.read', whole)) throw accessDenied('FileSystemRead', '--allow-fs-read', whole)
  if (writes && !permission.has('fs.write', whole)) throw accessDenied('FileSystemWrite', '--allow-fs-write', whole)
}
