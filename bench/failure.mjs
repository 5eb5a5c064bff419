/** What ends the benchmark with one line on stderr and an exit code. */
export class Failure extends Error {
  /**
   * @param {string} message one line
   * @param {1 | 2} exitCode 2 for bad usage
   */
  constructor(message, exitCode = 1) {
    super(message.trim().split('\n', 1)[0])
    this.name = 'Failure'
    this.exitCode = exitCode
  }
}

/**
 * Runs a program: what a Failure says, or what a system call refused, is enough; anything else is
 * a bug.
 *
 * @param {() => Promise<void>} program
 */
export async function failing(program) {
  // A signal's default would end the process without the exit listeners that clean up.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
    process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143))
  }
  try {
    await program()
  } catch (error) {
    const { code, message, syscall } = /** @type {NodeJS.ErrnoException} */ (error)
    if (!(error instanceof Failure || (code !== undefined && syscall !== undefined))) throw error
    console.error(`bench: ${message}`)
    process.exitCode = error instanceof Failure ? error.exitCode : 1
  }
}
