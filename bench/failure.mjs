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
