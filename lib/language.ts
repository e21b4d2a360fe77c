// Functions of the language and of Node, saved when the package is loaded: tests replace timers, and programs replace
// prototypes.

export const { queueMicrotask, setImmediate } = globalThis
export const { keys } = Object
const { getPrototypeOf, hasOwn, prototype: ofAll } = Object

/** An option by its name; an undefined option has its default. A property of Object.prototype is not an option. */
export function option<T extends object, K extends keyof T & string>(options: T | undefined, name: K): T[K] | undefined
export function option<T extends object, K extends keyof T & string>(
  options: T | undefined,
  name: K,
  otherwise: NonNullable<T[K]>,
): NonNullable<T[K]>
export function option<T extends object, K extends keyof T & string>(
  options: T | undefined,
  name: K,
  otherwise?: NonNullable<T[K]>,
): T[K] | undefined {
  if (options === undefined || options === null || !isGiven(options, name)) return otherwise
  const value = options[name]
  return value === undefined ? otherwise : value
}

/** Whether an option was given, be it undefined. */
export function isGiven<T extends object>(options: T, name: keyof T & string): boolean {
  for (let at: object | null = options; at !== null && at !== ofAll; at = getPrototypeOf(at)) {
    if (hasOwn(at, name)) return true
  }
  return false
}
