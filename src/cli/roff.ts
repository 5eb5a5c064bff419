/** A page as a page of the manual, in the man(7) macros. */
import type { Entry, Example } from './command.js'
import type { Block, Page, Section } from './page.js'

/** 'kq wait' -> 'kq-wait', which is also the name of its file, before '.1'. */
export function pageName({ name }: Page): string {
  return name.replace(' ', '-')
}

export interface Edition {
  readonly version: string
  /** '2026-01-31' */
  readonly date: string
}

/** @param others the pages that it names at its end */
export function roff(page: Page, { version, date }: Edition, others: readonly Page[]): string {
  const { name, summary, synopsis, about, sections } = page
  const title = pageName(page)
  return [
    `.TH ${literal(title.toUpperCase())} 1 ${date} "kqueue ${version}" "kq"`,
    '.SH NAME',
    `${literal(title)} \\- ${text(summary)}`,
    '.SH SYNOPSIS',
    `\\fB${literal(name)}\\fR ${literal(synopsis).replace(/[A-Z]{2,}/g, '\\fI$&\\fR')}`,
    '.SH DESCRIPTION',
    ...first(about.flatMap(paragraph)),
    ...sections.flatMap(section),
    '.SH SEE ALSO',
    others.map((other) => `.BR ${literal(pageName(other))} (1)`).join(' ,\n'),
    '',
  ].join('\n')
}

function section({ title, blocks }: Section): string[] {
  // What comes after a comma is for who reads all of it at once.
  const [short = title] = title.split(',')
  return [`.SH ${short.toUpperCase()}`, ...first(blocks.flatMap(block))]
}

function block(of: Block): string[] {
  if ('rows' in of) return of.rows.flatMap(row)
  return 'examples' in of ? of.examples.flatMap(example) : paragraph(of.text)
}

function row([name, meaning]: Entry): string[] {
  return ['.TP', `\\fB${literal(name) || '\\&'}\\fR`, ...lines(meaning)]
}

function example({ text: what, line }: Example): string[] {
  return [...paragraph(what), '.RS 4', '.EX', text(line), '.EE', '.RE']
}

function paragraph(of: string): string[] {
  return ['.PP', ...lines(of)]
}

/** What comes first in a section is a paragraph without being told. */
function first(written: readonly string[]): readonly string[] {
  return written[0] === '.PP' ? written.slice(1) : written
}

/** Filled text, in lines of at most 78 characters. */
function lines(of: string): string[] {
  return (literal(of).match(/\S.{0,77}(?= |$)|\S+/g) ?? []).map(safe)
}

/** A line as it is. */
function text(of: string): string {
  return safe(literal(of))
}

/** A line also where it begins as a request would. */
function safe(line: string): string {
  return line.replace(/^[.']/, '\\&$&')
}

const GLYPHS: Record<string, string> = {
  '\\': '\\e',
  '-': '\\-',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
}

/** Characters as they are typed, where roff would make better-looking ones of them. */
function literal(of: string): string {
  return of.replace(/[\\\-'`^~]|[^\x20-\x7e]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0
    return GLYPHS[character] ?? `\\[u${code.toString(16).toUpperCase().padStart(4, '0')}]`
  })
}
