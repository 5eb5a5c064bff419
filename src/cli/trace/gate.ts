/**
 * Starts a command that does nothing until it may (native/gate.c), so that it is watched
 * from its first instruction on:
 *
 *     const gate = await openGate(['make', '-j2'], inheritedDescriptors())
 *     ... watch gate.pid ...
 *     const errno = await gate.go()
 *
 * The command has the descriptors, the environment and the words that kq was given.
 */
import type { IOType } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import type { Duplex } from 'node:stream'
import { childProcess } from '../../late.js'
import { Refusal, SourceError } from '../errors.js'
import { packaged } from '../package.js'

export interface Gate {
  readonly pid: number
  /** Lets the command begin: 0, or the errno with which it could not be executed. */
  go(): Promise<number>
  /** The command is not to be run. */
  shut(): void
}

/**
 * @param inherited the descriptors above 2 that the command is to have
 * @param traceparent TRACEPARENT of its environment, undefined for that of kq
 * @throws SourceError
 */
export async function openGate(
  command: readonly string[],
  inherited: readonly number[],
  traceparent?: string,
): Promise<Gate> {
  const fd = firstFree(inherited)
  const stdio: (IOType | number | 'pipe')[] = Array(Math.max(fd, ...inherited) + 1).fill('ignore')
  for (const number of [0, 1, 2, ...inherited]) stdio[number] = number
  stdio[fd] = 'pipe'
  const variable = traceparent === undefined ? '' : `,TRACEPARENT=${traceparent}`
  const child = childProcess().spawn(program(), [`${fd}${variable}`, ...command], { stdio })
  const failed = once(child, 'error').then(([error]) => {
    throw new SourceError(command[0]!, error)
  })
  // Once it runs nothing else fails.
  failed.catch(() => {})
  if (child.pid === undefined) await failed
  const pipe = child.stdio[fd] as Duplex
  // Who has gone has nothing to say.
  pipe.on('error', () => {})
  return {
    pid: child.pid!,
    async go() {
      pipe.write('g')
      let answer = ''
      for await (const chunk of pipe) answer += chunk
      return Number(answer)
    },
    shut: () => pipe.destroy(),
  }
}

function firstFree(taken: readonly number[]): number {
  let fd = 3
  while (taken.includes(fd)) fd++
  return fd
}

function program(): string {
  const places = ['build/Release', `prebuilds/${process.platform}-${process.arch}`]
  const paths = places.map((place) => packaged(`${place}/kq-gate`))
  const found = paths.find(isExecutable)
  if (found !== undefined) return found
  throw new SourceError(
    'kq trace',
    new Refusal(
      'ENOENT',
      `${paths[0]} is missing; npm rebuild kqueue builds it, which takes a C compiler`,
    ),
  )
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
