/** `kq --exist` and `kq --gone` of what is mounted. */

import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { test } from 'node:test'
import { command, inNamespaces } from '../node/namespaces.js'
import { Directory, type Running, start } from './command.js'

/** Starts kq, with a path that is there, which is told when all is watched. */
async function waiting(...args: string[]): Promise<Running> {
  const kq = start(['wait', '--all', ...args, '--exist', '/'])
  await kq.line()
  return kq
}

inNamespaces(import.meta.url, () => {
  test('what is mounted makes names come and go', async () => {
    const inside = new Directory()
    const outside = new Directory()
    try {
      fs.writeFileSync(outside.join('file'), '')
      const there = await waiting('--exist', inside.join('file'))
      command('mount', '--bind', outside.path, inside.path)
      assert.equal((await there.ended).code, 0)
      const gone = await waiting('--gone', inside.join('file'))
      // What is on the way is open.
      command('umount', '--lazy', inside.path)
      assert.equal((await gone.ended).code, 0)
    } finally {
      inside.remove()
      outside.remove()
    }
  })
})
