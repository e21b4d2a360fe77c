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
  for (let at: object | null = options ?? null; at !== null && at !== ofAll; at = getPrototypeOf(at)) {
    if (!hasOwn(at, name)) continue
    const value = (options as T)[name]
    return value === undefined ? otherwise : value
  }
  return otherwise
}
