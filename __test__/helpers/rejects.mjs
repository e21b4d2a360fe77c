// Checks that a method that returns a promise rejects and never throws.

/** Asserts that the call gives a promise that rejects with an error of this class and code; the error. */
export async function rejects(t, call, { type = Error, code }, what = code) {
  let promise
  t.notThrows(() => {
    promise = call()
  }, `${what}: rejects, does not throw`)
  const error = await t.throwsAsync(promise, { instanceOf: type, code }, what)
  t.is(error?.constructor, type, `${what}: of class ${type.name}`)
  return error
}
