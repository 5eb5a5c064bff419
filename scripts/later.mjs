/**
 * For rolldown: chunks that are read when they are called for, not when what calls for them is
 * imported. Each becomes a function in a file of CommonJS, which alone can be loaded without an
 * `await` in every Node.js. It is given the chunks that it imports, so that a class stays one, and
 * who imports the chunk all the same, as tests do, gets what the function answers. Of those that
 * are to run without files as well, the module stays as it is beside the function.
 *
 *     import { bsd } from '#later'
 *     bsd().bsdSystem()
 */
import { parseAst } from 'rolldown/parseAst'

const ID = '\0later'

/** The chunk that another one imports. */
const chunkOf = (source) => /^\.\/(\w+)\.js$/.exec(source)?.[1]

/** A name, or two, in the pattern of an object. */
const pair = (from, to) => (from.name === to.name ? from.name : `${from.name}: ${to.name}`)

/** @param {Map<string, string>} numbers by name, which the function does not answer */
function statement(node, numbers) {
  if (node.type === 'ImportDeclaration') {
    const from = chunkOf(node.source.value) ?? `require("${node.source.value}")`
    return `const { ${node.specifiers.map(({ imported, local }) => pair(imported, local)).join(', ')} } = ${from};`
  }
  if (node.type === 'ExportNamedDeclaration') {
    const own = node.specifiers.filter(({ exported }) => !numbers.has(exported.name))
    return `return { ${own.map(({ exported, local }) => pair(exported, local)).join(', ')} };`
  }
  return undefined
}

/** The places of `import.meta` below a node. */
function metas(node) {
  if (node === null || typeof node !== 'object') return []
  return node.type === 'MetaProperty' ? [node] : Object.values(node).flatMap(metas)
}

/** The names that a chunk imports from another one. */
function importsFrom(chunk, body) {
  return body
    .filter(({ type, source }) => type === 'ImportDeclaration' && chunkOf(source.value) === chunk)
    .flatMap(({ specifiers }) => specifiers.map(({ imported }) => imported.name))
}

/**
 * The numbers that a chunk exports for who imports it all the same: rolldown has put them where
 * they are used, and to name and answer each takes its time.
 */
function numbersOf({ code, exports }, body, wanted) {
  const numbers = new Map()
  for (const { type, kind, declarations } of body) {
    if (type !== 'VariableDeclaration' || kind !== 'const') continue
    const [{ id, init }] = declarations
    if (typeof init.value !== 'number' || !exports.includes(id.name)) continue
    const uses = code.split(new RegExp(`(?<![\\w$])${id.name}(?![\\w$])`)).length - 1
    // Where it is made, and where it is exported.
    if (uses === 2 && !wanted.has(id.name)) numbers.set(id.name, init.raw)
  }
  return numbers
}

/** A chunk as a function. In parentheses it is compiled at once, and read once. */
function functionOf(name, { code, imports }, { given, body, numbers }) {
  const lacking = imports.filter(
    (file) => file.startsWith('chunks/') && !given.some((each) => file === `chunks/${each}.js`),
  )
  if (lacking.length > 0) throw new Error(`${name} is not given ${lacking}`)
  const edits = [
    ...body.map((node) => [node, statement(node, numbers)]).filter(([, by]) => by !== undefined),
    ...metas(body).map((node) => [node, 'meta']),
  ]
  for (const node of body) {
    if (node.type === 'VariableDeclaration' && numbers.has(node.declarations[0].id.name)) {
      edits.push([node, ''])
    }
  }
  let text = code
  for (const [{ start, end }, by] of edits.sort(([a], [b]) => b.start - a.start)) {
    text = text.slice(0, start) + by + text.slice(end)
  }
  return `"use strict";
const make = (function (meta, ${given.join(', ')}) {
${text}
});
let made;
module.exports = (...given) => made ??= make(...given);
`
}

/** What exports the answer of the function. */
function moduleOf(name, { exports }, { given, numbers }) {
  const names = exports.filter((each) => !numbers.has(each)).join(', ')
  return [
    'import { createRequire } from "node:module";',
    ...given.map((each) => `import * as ${each} from "./${each}.js";`),
    `const make = createRequire(import.meta.url)("./${name}.cjs");`,
    `const { ${names} } = make(import.meta, ${given.join(', ')});`,
    ...[...numbers].map(([number, value]) => `export const ${number} = ${value};`),
    `export { ${names} };\n`,
  ].join('\n')
}

/**
 * @param {Record<string, string[]>} chunks by name, those that each of them imports
 * @param {object} some
 * @param {string[]} some.both those that are modules, too
 * @param {string[]} some.provided chunks that import `#later` themselves, and so are given to it
 */
export function later(chunks, { both, provided }) {
  const calls = Object.entries(chunks).map(([name, given]) => {
    const values = given.map((each) => (each in chunks ? `${each}()` : each))
    return `export const ${name} = () => require('./${name}.cjs')(import.meta, ${values.join(', ')})`
  })
  const imported = [...new Set(Object.values(chunks).flat())].filter(
    (name) => !(name in chunks) && !provided.includes(name),
  )
  return {
    name: 'later',
    resolveId(id) {
      if (id === '#later') return ID
      const [, chunk] = /^#later\/(\w+)$/.exec(id) ?? []
      return chunk && { id: `./${chunk}.js`, external: true }
    },
    load(id) {
      if (id !== ID) return undefined
      return [
        ...imported.map((name) => `import * as ${name} from '#later/${name}'`),
        `let create, read, ${provided.join(', ')}`,
        'export const provide = (createRequire, parts) => {',
        '  create = createRequire',
        ...provided.map((name) => `  ${name} = parts.${name}`),
        '}',
        'export const require = (file) => (read ??= create(import.meta.url))(file)',
        ...calls,
      ].join('\n')
    },
    generateBundle(_options, bundle) {
      const parsed = Object.entries(chunks).map(([name, given]) => {
        const chunk = bundle[`chunks/${name}.js`]
        return { name, given, chunk, body: parseAst(chunk.code).body }
      })
      for (const { name, given, chunk, body } of parsed) {
        const wanted = new Set(parsed.flatMap((other) => importsFrom(name, other.body)))
        const parts = { given, body, numbers: numbersOf(chunk, body, wanted) }
        const source = functionOf(name, chunk, parts)
        this.emitFile({ type: 'asset', fileName: `chunks/${name}.cjs`, source })
        if (!both.includes(name)) chunk.code = moduleOf(name, chunk, parts)
      }
    },
  }
}
