// The amounts of work in the rows: the same as in peers/measure.h and peers/pipes.h.

/** Descriptors in the rows about descriptors, */
export const PIPES = 500
/** in those where most are idle, and those of them that are not, */
export const IDLE_PIPES = 1000
export const READY_PIPES = 100
/** and the most. */
export const MOST_PIPES = 9000
/** Room for events where few are ready. */
export const EVENTS = 64
/** Timers in the rows about timers. */
export const TIMERS = 1000
/** and of those that fire, every so many ms. */
export const FIRING = 4000
export const FIRING_MS = 10
/** Requests at a time in the rows about asynchronous I/O, and the bytes of each. */
export const READS = 64
export const READ_SIZE = 4096
/** Knotes in the row about forks. */
export const FORK_KNOTES = 10_000
/** Calls between two looks at the clock, where one call is short. */
export const CALLS = 64
export const HOUR_MS = 3_600_000

export const MEMORY_USER_EVENTS = 100_000
/** Files in the rows about trees, and directories that hold as many of them each. */
export const TREE_FILES = 100_000
export const TREE_DIRECTORIES = 10_000
