// A frame of a stack: a function of JavaScript, of V8 itself, or of machine code in a file.

export interface Frame {
  /** The name of the function; its address where no name is known. */
  name: string
  /** The file that contains its machine code. */
  object?: string
  /** Where the function begins, if it is JavaScript. Lines and columns count from 1. */
  script?: { path: string; line: number; column: number }
  /** Whether it is internal code of V8: builtins, handlers of bytecodes. */
  builtin?: boolean
}

/** The text in JSON and in tests: `name (object)`, `name (path:line:column)`. */
export function textOf({ name, object, script, builtin }: Frame): string {
  if (script) return `${name} (${script.path}:${script.line}:${script.column})`
  if (object !== undefined) return `${name} (${object})`
  return builtin ? `${name} (V8)` : name
}

/** The name for the code of a module or script outside of its functions. */
export const TOP_LEVEL = 'top level'
const FUNCTION =
  /^(?:JS|Script|Eval|Function|LazyCompile):[~^*+]?\s*(.*?) ?(file:\/\/.*|node:.*|\/.*|[^ ]*):(\d+):(\d+)$/

/** Parses the name that V8 gives to code: `JS:~sumPages file:///app.mjs:5:18`, `Builtin:KeyedLoadIC`. */
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

/** The name of a function, without arguments and templates. */
export const shortName = (name: string): string => name.replace(/\(anonymous namespace\)::/g, '').replace(/[(<].*$/, '')
