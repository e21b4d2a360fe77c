// Whose code a stack leads to: addons and the user's own functions of JavaScript, without Node's and ours.

import { basename, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Frame, isLibc, packageOf, shortName, TOP_LEVEL } from './tracing/index.js'

/** So many are told. */
const CALLERS = 3
/** Of `dist/`, whose code is ours. */
const OURS = fileURLToPath(new URL('../..', import.meta.url))
const CALLS =
  /^(?:__GI_|__libc_|_)*(p?writev?|send(?:to|msg|file)?|p?readv?|recv(?:from|msg)?|getrandom|copy_file_range)(?:64)?(?:v?2)?$/

type Script = Frame & { script: NonNullable<Frame['script']> }
const isScript = (frame: Frame): frame is Script => frame.script !== undefined
const isNode = ({ object }: Frame) => object !== undefined && /\/(node|nodejs|electron|libnode\.so[.\d]*)$/.test(object)

/** Who was stopped comes first, then who called it. Empty where nobody's code but Node's is on the stack. */
export function callersOf(frames: readonly Frame[]): string[] {
  const [first] = frames
  const scripts = scriptsOf(frames)
  if (scripts.length === 0) return []
  const machineCode = frames.slice(0, frames.findIndex(isScript))
  const addon = machineCode.find(frame => frame.object !== undefined && !isLibc(frame) && !isNode(frame))
  const [, call] = (first && isLibc(first) && CALLS.exec(first.name)) || []
  return [...(addon ? [labelOf(addon)] : []), ...(!addon && call ? [`${call}()`] : []), ...scripts].slice(0, CALLERS)
}

/** The functions of JavaScript alone. */
export function scriptsOf(frames: readonly Frame[]): string[] {
  const scripts = frames.filter(isScript).filter(({ script: { path } }) => !path.startsWith('node:') && !isOurs(path))
  // Of a package, the function that was called from without; and modules themselves only where nothing in them was called.
  const [first, ...rest] = scripts.filter((frame, index) => !isCalledWithin(frame, scripts[index + 1]))
  return first ? [first, ...rest.filter(({ name }) => name !== TOP_LEVEL)].map(labelOf) : []
}

/** What is known of the process that a stack is of. */
interface Process {
  program: string
  runsJavaScript: boolean
  /** Whether functions of JavaScript have names. */
  named: boolean
}

/** Where a stack leads that has nobody's code but Node's, or no names. */
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

/** The file of a program or an addon, and the package that it belongs to. */
export function fileName(object: string): string {
  const owner = packageOf(object)
  return owner === undefined ? basename(object) : `${basename(object)} of ${owner}`
}

/** As seen from where the command was run. */
export function nearby(path: string): string {
  const seen = relative(process.cwd(), path)
  return seen.startsWith('..') ? basename(path) : seen
}
