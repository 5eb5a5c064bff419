/**
 * A program in a child process, as a reader of the documents would run it:
 *
 *     const { code, stdout, stderr } = await runProgram(path, directory, t.signal)
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** ms that a program may take, on a busy machine, too. */
const LIMIT = 60_000

/** The top of the repository, above `build/test/examples/`. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export interface Ended {
  /** The exit status, null when it was killed because the time or the test was over. */
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a program in a directory to its end, or that of the test. */
export function runProgram(
  path: string,
  directory: string,
  signal: AbortSignal,
  args: readonly string[] = [],
): Promise<Ended> {
  const options = { cwd: directory, timeout: LIMIT, killSignal: 'SIGKILL', signal } as const
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [path, ...args], options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}
