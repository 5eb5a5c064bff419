/**
 * Signals that do not end kq at once, because somebody sees to them: a condition that waits
 * for them, or `kq trace`, whose command has them first.
 */
export const attendedSignals = new Set<number>()
