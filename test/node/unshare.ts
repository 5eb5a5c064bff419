/** What starts a program in namespaces of its own, and tells it so. See namespaces.ts. */

/** Of the program that runs the tests of a file: it is in its namespaces already. */
export const INSIDE = 'KQUEUE_TEST_NAMESPACES'

const isRoot = process.geteuid?.() === 0

/** A command, to be followed by that of the program. */
export const UNSHARE = ['unshare', ...(isRoot ? [] : ['-U', '-r']), '-m', '-n', '-u'] as const
