/** As much of XML as is needed to look into a picture, and strict about it. */
import assert from 'node:assert/strict'

export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  /** All that is written in it. */
  text: string
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"' }

function decoded(text: string): string {
  assert.doesNotMatch(text, /[<>\ufffe\uffff]/)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what XML has no characters for
  assert.doesNotMatch(text, /[\x00-\x08\x0b\x0c\x0e-\x1f]/)
  assert.doesNotMatch(text, /\p{Surrogate}/u)
  return text.replace(/&(\w*;?)/g, (_, name: string) => {
    const character = ENTITIES[name.slice(0, -1)]
    assert.ok(name.endsWith(';') && character !== undefined, `&${name} is no entity`)
    return character
  })
}

/** Every element of a document that is well-formed. */
function parse(document: string): Element[] {
  const found: Element[] = []
  const open: Element[] = []
  const write = (text: string): void => {
    for (const element of open) element.text += decoded(text)
  }
  let at = 0
  for (const tag of document.matchAll(/<(\/?)([\w:]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g)) {
    write(document.slice(at, tag.index))
    at = tag.index + tag[0].length
    const [, closes, name, attributes, empty] = tag
    if (closes) {
      assert.equal(open.pop()?.name, name)
      continue
    }
    const pairs = [...attributes!.matchAll(/([\w:-]+)="([^"]*)"/g)]
    const element: Element = {
      name: name!,
      attributes: Object.fromEntries(pairs.map(([, key, value]) => [key, decoded(value!)])),
      text: '',
    }
    found.push(element)
    if (!empty) open.push(element)
    assert.ok(open.length > 0 || found.length === 1, 'one root')
  }
  assert.equal(document.slice(at).trim(), '')
  assert.deepEqual(open, [])
  return found
}

/** The elements of a name and a class. */
export function elements(document: string, name: string, style: string): Element[] {
  return parse(document).filter(
    (element) =>
      element.name === name && (element.attributes.class ?? '').split(' ').includes(style),
  )
}
