/** An AbortSignal, which Node.js and browsers have, and the language alone does not. */
export interface Abort {
  readonly reason?: unknown
  throwIfAborted(): void
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

export function isAbort(value: unknown): value is Abort {
  const methods = ['throwIfAborted', 'addEventListener', 'removeEventListener'] as const
  return (
    typeof value === 'object' &&
    value !== null &&
    methods.every((method) => typeof (value as Partial<Abort>)[method] === 'function')
  )
}
