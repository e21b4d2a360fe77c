// Functions of the language and of Node as they were when the package was loaded: tests replace timers, programs replace prototypes.

export const { queueMicrotask, setImmediate } = globalThis
export const { keys } = Object
const { getPrototypeOf, hasOwn, prototype: ofAll } = Object

/**
 * An option by its name; one that is undefined has its default. What somebody has put on the prototype of all objects is nobody's
 * option.
 */
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
