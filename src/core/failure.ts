/** What to do where something fails: pass it on, go on without, or undo what was done before. */
import { KqueueError, type KqueueErrorDetails } from '../errors.js'

/** What was thrown, as the failure of another call or of a change; if no KqueueError, as it is. */
export function failureOf(thrown: unknown, syscall: string, details?: KqueueErrorDetails): unknown {
  if (!(thrown instanceof KqueueError)) return thrown
  return new KqueueError(-thrown.errno, syscall, { reason: thrown.reason, ...details })
}

/** What `action` answers, null where it fails with a KqueueError. */
export function attempt<T>(action: () => T): T | null {
  try {
    return action()
  } catch (error) {
    if (error instanceof KqueueError) return null
    throw error
  }
}

/** What `action` answers; where it throws, what was done before is undone. */
export function orUndo<T>(action: () => T, undo: () => void): T {
  try {
    return action()
  } catch (error) {
    undo()
    throw error
  }
}
