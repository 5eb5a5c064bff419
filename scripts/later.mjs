/**
 * For rolldown: chunks that are read when they are called for, not when what calls for them is
 * imported. Each becomes a function in a file of CommonJS, which alone can be loaded without an
 * `await` in every Node.js. It is given the chunks that it imports, so that a class stays one, and
 * who imports the chunk all the same, as tests do, gets what the function answers. Of those that
 * are to run without files as well, the module stays as it is beside the function.
 *
 *     import { linux } from '#later'
 *     linux().linuxSystem()
 */
import { parseAst } from 'rolldown/parseAst'

const ID = '\0later'

/** The chunk that another one imports. */
const chunkOf = (source) => /^\.\/(\w+)\.js$/.exec(source)?.[1]

/** A name, or two, in the pattern of an object. */
const pair = (from, to) => (from.name === to.name ? from.name : `${from.name}: ${to.name}`)

function statement(node) {
  if (node.type === 'ImportDeclaration') {
    const from = chunkOf(node.source.value) ?? `require("${node.source.value}")`
    return `const { ${node.specifiers.map(({ imported, local }) => pair(imported, local)).join(', ')} } = ${from};`
  }
  if (node.type === 'ExportNamedDeclaration') {
    return `return { ${node.specifiers.map(({ exported, local }) => pair(exported, local)).join(', ')} };`
  }
  return undefined
}

/** The places of `import.meta` below a node. */
function metas(node) {
  if (node === null || typeof node !== 'object') return []
  return node.type === 'MetaProperty' ? [node] : Object.values(node).flatMap(metas)
}

/** A chunk as a function. In parentheses it is compiled at once, and read once. */
function functionOf(name, { code, imports }, given) {
  const lacking = imports.filter(
    (file) => file.startsWith('chunks/') && !given.some((each) => file === `chunks/${each}.js`),
  )
  if (lacking.length > 0) throw new Error(`${name} is not given ${lacking}`)
  const { body } = parseAst(code)
  const edits = [
    ...body.map((node) => [node, statement(node)]).filter(([, by]) => by !== undefined),
    ...metas(body).map((node) => [node, 'meta']),
  ]
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
function moduleOf(name, given, exports) {
  const names = exports.join(', ')
  return [
    'import { createRequire } from "node:module";',
    ...given.map((each) => `import * as ${each} from "./${each}.js";`),
    `const make = createRequire(import.meta.url)("./${name}.cjs");`,
    `const { ${names} } = make(import.meta, ${given.join(', ')});`,
    `export { ${names} };\n`,
  ].join('\n')
}

/**
 * @param {Record<string, string[]>} chunks by name, those that each of them imports
 * @param {string[]} both those that are modules, too
 */
export function later(chunks, both = []) {
  const calls = Object.entries(chunks).map(([name, given]) => {
    const values = given.map((each) => (each in chunks ? `${each}()` : each))
    return `export const ${name} = () => require('./${name}.cjs')(import.meta, ${values.join(', ')})`
  })
  const imported = [...new Set(Object.values(chunks).flat())].filter((name) => !(name in chunks))
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
        'let create, read',
        'export const provide = (createRequire) => { create = createRequire }',
        'export const require = (file) => (read ??= create(import.meta.url))(file)',
        ...calls,
      ].join('\n')
    },
    generateBundle(_options, bundle) {
      for (const [name, given] of Object.entries(chunks)) {
        const chunk = bundle[`chunks/${name}.js`]
        const source = functionOf(name, chunk, given)
        this.emitFile({ type: 'asset', fileName: `chunks/${name}.cjs`, source })
        if (!both.includes(name)) chunk.code = moduleOf(name, given, chunk.exports)
      }
    },
  }
}
