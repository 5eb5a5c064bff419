/** `node:assert/strict` for a browser, as far as the tests use it. */

type Expected =
  | RegExp
  | object
  | ((error: unknown) => boolean)
  | (new (
      ...args: never[]
    ) => unknown)

export class AssertionError extends Error {
  override readonly name = 'AssertionError'
  readonly code = 'ERR_ASSERTION'
}

function fail(message?: string | Error): never {
  throw message instanceof Error ? message : new AssertionError(message ?? 'Failed')
}

function ok(value: unknown, message?: string | Error): asserts value {
  if (!value) fail(message ?? `${show(value)} is not truthy`)
}

function equal(actual: unknown, expected: unknown, message?: string | Error): void {
  if (!Object.is(actual, expected)) {
    fail(message ?? `${show(actual)} is not ${show(expected)}`)
  }
}

function notEqual(actual: unknown, expected: unknown, message?: string | Error): void {
  if (Object.is(actual, expected)) fail(message ?? `it is ${show(actual)}`)
}

function deepEqual(actual: unknown, expected: unknown, message?: string | Error): void {
  if (!same(actual, expected)) fail(message ?? `${show(actual)} is not ${show(expected)}`)
}

function notDeepEqual(actual: unknown, expected: unknown, message?: string | Error): void {
  if (same(actual, expected)) fail(message ?? `it is ${show(actual)}`)
}

function match(value: string, pattern: RegExp, message?: string | Error): void {
  if (!pattern.test(value)) fail(message ?? `${show(value)} does not match ${pattern}`)
}

function doesNotMatch(value: string, pattern: RegExp, message?: string | Error): void {
  if (pattern.test(value)) fail(message ?? `${show(value)} matches ${pattern}`)
}

function throws(call: () => unknown, expected?: Expected | string, message?: string): void {
  let thrown: unknown
  try {
    call()
  } catch (error) {
    thrown = error
    checkError(thrown, expected)
    return
  }
  fail(message ?? 'nothing was thrown')
}

function doesNotThrow(call: () => unknown): void {
  call()
}

async function rejects(
  promise: Promise<unknown> | (() => Promise<unknown>),
  expected?: Expected | string,
  message?: string,
): Promise<void> {
  try {
    await (typeof promise === 'function' ? promise() : promise)
  } catch (error) {
    checkError(error, expected)
    return
  }
  fail(message ?? 'nothing was rejected')
}

/** An error as `throws` and `rejects` want it: a pattern, properties, a class, or a function. */
function checkError(error: unknown, expected: Expected | string | undefined): void {
  if (expected === undefined || typeof expected === 'string') return
  if (expected instanceof RegExp) {
    match(String(error), expected)
  } else if (typeof expected === 'function') {
    if (expected.prototype !== undefined && error instanceof expected) return
    if (isClass(expected)) throw error
    ok((expected as (error: unknown) => boolean)(error), 'the error is not what was expected')
  } else {
    for (const [key, value] of Object.entries(expected)) {
      const actual = (error as Record<string, unknown>)[key]
      if (value instanceof RegExp && typeof actual === 'string') match(actual, value)
      else deepEqual(actual, value, `${key}: ${show(actual)} is not ${show(value)}: ${error}`)
    }
  }
}

function isClass(value: object): boolean {
  return value === Error || Object.prototype.isPrototypeOf.call(Error, value)
}

/** Equal in value and kind, all the way down. */
function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
  if (a instanceof Map && b instanceof Map) return same([...a], [...b])
  if (a instanceof Set && b instanceof Set) return same([...a], [...b])
  if (a instanceof Error && b instanceof Error && a.message !== b.message) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every(
    (key) =>
      Object.hasOwn(b, key) &&
      same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  )
}

function show(value: unknown): string {
  try {
    const text = JSON.stringify(value, (_, v: unknown) =>
      typeof v === 'bigint' || v === undefined ? String(v) : v,
    )
    return text === undefined ? String(value) : text.slice(0, 2000)
  } catch {
    return String(value)
  }
}

const assert = Object.assign((value: unknown, message?: string | Error) => ok(value, message), {
  AssertionError,
  fail,
  ok,
  equal,
  notEqual,
  deepEqual,
  notDeepEqual,
  strictEqual: equal,
  notStrictEqual: notEqual,
  deepStrictEqual: deepEqual,
  notDeepStrictEqual: notDeepEqual,
  match,
  doesNotMatch,
  throws,
  doesNotThrow,
  rejects,
})

export default assert
