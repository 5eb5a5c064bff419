/**
 * A reader of XML that takes nothing which is not well-formed, for documents without a
 * document type: Extensible Markup Language 1.0.
 */
export interface Element {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: Element[]
  text: string
}

const NAME = '[A-Za-z_][\\w.:-]*'
const TAG = new RegExp(`<(${NAME})((?:\\s+${NAME}="[^"<]*")*)\\s*(/?)>|</(${NAME})\\s*>`, 'y')
const ATTRIBUTE = new RegExp(`(${NAME})="([^"<]*)"`, 'g')
/** What is no Char, and halves of surrogate pairs. */
const FORBIDDEN = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u
const ENTITIES: Record<string, string> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
}

/** The root element. */
export function parseXml(document: string): Element {
  const bad = FORBIDDEN.exec(document)
  if (bad) throw new Error(`no character of XML: U+${bad[0].codePointAt(0)!.toString(16)}`)
  const top: Element = { name: '', attributes: new Map(), children: [], text: '' }
  const open = [top]
  for (let at = 0; at < document.length; ) {
    const within = open.at(-1)!
    if (document[at] !== '<') {
      const next = document.indexOf('<', at)
      const end = next === -1 ? document.length : next
      within.text += textOf(document.slice(at, end))
      at = end
      continue
    }
    TAG.lastIndex = at
    const match = TAG.exec(document)
    if (match === null) throw new Error(`no tag: ${document.slice(at, at + 60)}`)
    at = TAG.lastIndex
    const [, name, attributes, empty, closed] = match
    if (closed !== undefined) {
      if (open.pop()!.name !== closed) throw new Error(`</${closed}> closes ${within.name}`)
      continue
    }
    const element = { name: name!, attributes: attributesOf(attributes!), children: [], text: '' }
    within.children.push(element)
    if (empty === '') open.push(element)
  }
  if (open.length !== 1) throw new Error(`${open.at(-1)?.name} is not closed`)
  if (top.children.length !== 1 || top.text.trim() !== '') throw new Error('not one root')
  return top.children[0]!
}

function attributesOf(text: string): Map<string, string> {
  const attributes = new Map<string, string>()
  for (const [, name, value] of text.matchAll(ATTRIBUTE)) {
    if (attributes.has(name!)) throw new Error(`${name} is given twice`)
    attributes.set(name!, textOf(value!))
  }
  return attributes
}

function textOf(text: string): string {
  if (text.includes(']]>')) throw new Error(']]> in text')
  return text.replace(/&[^;&]*;?/g, (entity) => {
    const character = ENTITIES[entity]
    if (character === undefined) throw new Error(`no entity: ${entity}`)
    return character
  })
}

/** An element and all below it. */
export function everyElement(root: Element): Element[] {
  return [root, ...root.children.flatMap(everyElement)]
}
