// A function on a stack: of JavaScript, of V8 itself, or of machine code that a file holds.

export interface Frame {
  /** Of the function; its address where none is known. */
  name: string
  /** The file of machine code that it is in. */
  object?: string
  /** Where the function begins, if it is JavaScript. Lines and columns count from 1. */
  script?: { path: string; line: number; column: number }
  /** Whether it is code that V8 has made for itself: builtins, handlers of bytecodes. */
  builtin?: boolean
}

/** As in JSON and in tests: `name (object)`, `name (path:line:column)`. */
export function textOf({ name, object, script, builtin }: Frame): string {
  if (script) return `${name} (${script.path}:${script.line}:${script.column})`
  if (object !== undefined) return `${name} (${object})`
  return builtin ? `${name} (V8)` : name
}

/** Of a module or a script: the code outside of its functions. */
export const TOP_LEVEL = 'top level'
const FUNCTION =
  /^(?:JS|Script|Eval|Function|LazyCompile):[~^*+]?\s*(.*?) ?(file:\/\/.*|node:.*|\/.*|[^ ]*):(\d+):(\d+)$/

/** What V8 calls a piece of code that it made: `JS:~sumPages file:///app.mjs:5:18`, `Builtin:KeyedLoadIC`. */
export function frameOfCode(said: string): Frame {
  const [, name = '', place = '', line, column] = FUNCTION.exec(said) ?? []
  if (line === undefined) return { name: said.replace(/^\w+:\W?/, ''), builtin: true }
  const path = place.startsWith('file://') ? decodeURI(place.slice('file://'.length)) : place
  const script = { path, line: Number(line), column: Number(column) }
  const isTopLevel = /^Script|^Eval/.test(said) || (script.line === 1 && script.column === 1)
  return { name: name || (isTopLevel ? TOP_LEVEL : '(anonymous)'), script }
}

const LIBC = /\/(libc|libpthread|ld-linux[^/]*|ld-musl[^/]*|libc\.musl[^/]*)[.-][^/]*$/
export const isLibc = ({ object }: Frame): boolean => object !== undefined && LIBC.test(object)

/** The package that a file belongs to. */
export const packageOf = (path: string): string | undefined =>
  /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]

/** A function without its arguments and templates. */
export const shortName = (name: string): string => name.replace(/\(anonymous namespace\)::/g, '').replace(/[(<].*$/, '')
