// Finds the code that a stack leads to: addons and the user's own JavaScript functions, without those of Node and of
// this package.

import { basename, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Frame, isLibc, packageOf, shortName, TOP_LEVEL } from './tracing/index.js'

/** The largest number of callers to report. */
const CALLERS = 3
/** The folder of this package, whose functions are left out. */
const OURS = fileURLToPath(new URL('../..', import.meta.url))
const CALLS =
  /^(?:__GI_|__libc_|_)*(p?writev?|send(?:to|msg|file)?|p?readv?|recv(?:from|msg)?|getrandom|copy_file_range)(?:64)?(?:v?2)?$/

type Script = Frame & { script: NonNullable<Frame['script']> }
const isScript = (frame: Frame): frame is Script => frame.script !== undefined
const isNode = ({ object }: Frame) => object !== undefined && /\/(node|nodejs|electron|libnode\.so[.\d]*)$/.test(object)

/** The innermost caller comes first. Empty where all functions on the stack are those of Node. */
export function callersOf(frames: readonly Frame[]): string[] {
  const [first] = frames
  const scripts = scriptsOf(frames)
  if (scripts.length === 0) return []
  const machineCode = frames.slice(0, frames.findIndex(isScript))
  const addon = machineCode.find(frame => frame.object !== undefined && !isLibc(frame) && !isNode(frame))
  const [, call] = (first && isLibc(first) && CALLS.exec(first.name)) || []
  return [...(addon ? [labelOf(addon)] : []), ...(!addon && call ? [`${call}()`] : []), ...scripts].slice(0, CALLERS)
}

/** The JavaScript functions only. */
export function scriptsOf(frames: readonly Frame[]): string[] {
  const scripts = frames.filter(isScript).filter(({ script: { path } }) => !path.startsWith('node:') && !isOurs(path))
  // Of a package, only the function that was called from outside; a top level only where no function was called.
  const [first, ...rest] = scripts.filter((frame, index) => !isCalledWithin(frame, scripts[index + 1]))
  return first ? [first, ...rest.filter(({ name }) => name !== TOP_LEVEL)].map(labelOf) : []
}

/** Facts about the process of a stack. */
interface Process {
  program: string
  runsJavaScript: boolean
  /** Whether functions of JavaScript have names. */
  named: boolean
}

/** A label for a stack without functions of the user, or without names. */
export function otherwise(frames: readonly Frame[], { program, runsJavaScript, named }: Process): string {
  const has = (pattern: RegExp) => frames.some(({ name }) => pattern.test(name))
  if (frames.length === 0) return `${program}: unknown`
  if (isLoading(frames)) return `${program}: ${LOADING}`
  if (!runsJavaScript) return `${program}: ${shortName(frames.find(frame => !isLibc(frame))?.name ?? 'starting')}`
  const isOurOwn = ({ script, object }: Frame) =>
    script ? isOurs(script.path) : /faultless[^/]*\.node$/.test(object ?? '')
  const ours = frames.find(isOurOwn)
  if (ours) return `faultless: ${shortName(ours.name)}`
  if (!named && !has(/node::LoadEnvironment/)) return 'JavaScript without names'
  if (frames.some(({ script }) => script?.path.startsWith('node:internal/modules'))) return 'node: loading modules'
  const inside = frames.find(isScript)
  if (inside && has(/^uv_run$/)) return `node: ${labelOf(inside)}`
  return has(/^uv_run$/) ? 'node: between two turns of the event loop' : 'node: starting'
}

export const LOADING = 'the loading of libraries and addons'
export const isLoading = (frames: readonly Frame[]): boolean =>
  frames.some(({ name }) => /^_?dl(open|sym|_)|^_dl_/.test(name)) || /\/ld-/.test(frames[0]?.object ?? '')

const isOurs = (path: string) => path.startsWith(OURS) || /\/node_modules\/faultless\//.test(path)

function isCalledWithin({ script }: Script, caller: Script | undefined): boolean {
  const owner = packageOf(script.path)
  return owner !== undefined && caller !== undefined && owner === packageOf(caller.script.path)
}

/** `sumPages app.js:5`, `getBinary lmdb/dist/index.cjs:1677`, `mdb_get (lmdb.node of lmdb)`. */
function labelOf({ name, object, script }: Frame): string {
  const path = script?.path ?? object ?? ''
  if (!script) return `${shortName(name)} (${fileName(path)})`
  const owner = packageOf(path)
  return `${name} ${owner === undefined ? nearby(path) : path.slice(path.lastIndexOf(`/${owner}/`) + 1)}:${script.line}`
}

/** The file name of a program or an addon, and its package. */
export function fileName(object: string): string {
  const owner = packageOf(object)
  return owner === undefined ? basename(object) : `${basename(object)} of ${owner}`
}

/** The path relative to the working directory of the command. */
export function nearby(path: string): string {
  const seen = relative(process.cwd(), path)
  return seen.startsWith('..') ? basename(path) : seen
}
