/** The labels of kq trace: which words of a command line are shown where there is no room for all. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { scriptIn } from '#cli/trace/program.js'
import { Past } from './histories.js'

describe('labels', () => {
  test('name the rarest words first', () => {
    const past = new Past(['make'])
    for (let pid = 2; pid < 12; pid++) {
      past.run(pid, ['cc1', ...(pid % 2 ? ['-D', 'PIC'] : []), `${pid}.c`], pid, pid + 1)
    }
    const { labels, processes } = past.history
    assert.deepEqual(labels.of(processes[2]!), ['cc1 3.c PIC -D', 'cc1 3.c', 'cc1 3.c', 'cc1'])
  })
})

describe('the label of what is the same in all', () => {
  const past = new Past(['npm', 'run'])
  for (let pid = 2; pid < 9; pid++)
    past.run(pid, ['node', '-r', '/a/b/bin/tsc', '-p'], pid, pid + 1)
  const { labels, processes } = past.history

  test('is all of it, or the program that an interpreter runs', () => {
    const [, one] = processes
    assert.equal(labels.fitting(one!, 80), 'node -r /a/b/bin/tsc -p')
    assert.equal(labels.fitting(one!, 20), 'node /a/b/bin/tsc')
    assert.equal(labels.fitting(one!, 10), 'node tsc')
    assert.equal(labels.fitting(one!, 5), 'node')
  })
})

describe('the label of a script', () => {
  const script = 'for i in /usr/lib/*; do\n  test -e "$i" || echo /dev/null;\ndone'
  const shown = 'for i in /usr/lib/*; do test -e "$i" || echo /dev/null; done'

  test('is its first words, on one line', () => {
    const past = new Past(['make'])
    for (let pid = 2; pid < 10; pid++) past.run(pid, ['/bin/sh', '-c', script, `${pid}`], 1, 2)
    const one = past.history.processes[1]!
    assert.equal(one.line, `sh -c '${shown}' 2`)
    const { labels } = past.history
    assert.equal(labels.fitting(one, 100), `sh -c '${shown}' 2`)
    assert.equal(labels.fitting(one, 69), `sh -c '${shown}'`)
    assert.equal(labels.fitting(one, 30), "sh -c 'for i in /usr/lib/*; d…")
    assert.equal(labels.fitting(one, 5), 'sh')
  })

  test('is found behind the options of a shell, and nowhere else', () => {
    assert.equal(scriptIn(['bash', '-eu', '-o', 'pipefail', '-c', 'a b']), 5)
    assert.equal(scriptIn(['/bin/sh', '-ec', '/usr/bin/env']), 2)
    assert.equal(scriptIn(['-zsh', '-lc', 'x', 'y']), 2)
    for (const words of [
      ['sh', 'a.sh', '-c', 'b'],
      ['cc', '-c', 'a.c'],
      ['sh', '-c'],
      ['sh'],
      [],
    ]) {
      assert.equal(scriptIn(words), -1, `${words}`)
    }
  })
})
