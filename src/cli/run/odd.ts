/**
 * Words that are no UTF-8 for a command: Node.js gives a program nothing but UTF-8, so a
 * shell does, which becomes the program by exec(1).
 */
import { bytesOf, isOdd } from '../bytes.js'

interface Execution {
  readonly words: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/** The same execution, in words that Node.js can give. */
export function executable(words: readonly string[], env: NodeJS.ProcessEnv): Execution {
  const variables = Object.entries(env).filter(([, value = '']) => isOdd(value))
  if (variables.length === 0 && !words.some(isOdd)) return { words, env }
  const script = [
    ...variables.flatMap(([name, value = '']) => [...assigned(name, value), `export ${name}`]),
    ...words.flatMap((word, i) => (isOdd(word) ? assigned(`kq_${i}`, word) : [])),
    `exec ${words.map((word, i) => (isOdd(word) ? `"$kq_${i}"` : `"\${${i + 1}}"`)).join(' ')}`,
  ].join('\n')
  const plain = words.map((word) => (isOdd(word) ? '' : word))
  const others = Object.entries(env).filter(([, value = '']) => !isOdd(value))
  return { words: ['/bin/sh', '-c', script, 'sh', ...plain], env: Object.fromEntries(others) }
}

/** A variable of a shell, with a letter at the end that keeps the last newline. */
function assigned(name: string, value: string): string[] {
  const octal = [...bytesOf(value)].map(
    (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`,
  )
  return [`${name}=$(printf '${octal.join('')}x')`, `${name}=\${${name}%x}`]
}
