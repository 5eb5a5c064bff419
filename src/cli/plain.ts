/** A page as `--help` prints it: at most 80 columns wide. */
import type { Entry, Example } from './command.js'
import type { Block, Page, Section } from './page.js'

const WIDTH = 80
const INDENT = '  '

export function plain({ name, synopsis, about, sections }: Page): string {
  const paragraphs = [
    wrap(`Usage: ${name} ${synopsis}`),
    ...about.map((text) => wrap(text)),
    ...sections.map(section),
  ]
  return `${paragraphs.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

function section({ title, blocks }: Section): string[] {
  return [`${title}:`, ...blocks.flatMap((of, at) => block(of, blocks[at - 1]))]
}

function block(of: Block, before: Block | undefined): string[] {
  if ('rows' in of) return table(of.rows)
  if ('examples' in of) return of.examples.flatMap(example)
  const lines = wrap(of.text)
  return before !== undefined && 'rows' in before ? ['', ...lines] : lines
}

function example({ text, line }: Example): string[] {
  return [...wrap(text, INDENT), `${INDENT}${INDENT}${line}`]
}

/** Two columns. */
function table(entries: readonly Entry[]): string[] {
  const labels = entries.map(([name]) => name.length)
  const column = Math.max(0, ...labels)
  return entries.flatMap(([name, text]) => {
    const first = `${INDENT}${name.padEnd(column)}${INDENT}`
    const [head, ...tail] = wrap(text, ' '.repeat(first.length))
    return [first + head!.trimStart(), ...tail]
  })
}

/** Lines of at most 80 columns. */
function wrap(text: string, indent = ''): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    if (line !== indent && line.length + word.length + 1 > WIDTH) {
      lines.push(line)
      line = indent
    }
    line += line === indent ? word : ` ${word}`
  }
  return [...lines, line]
}
