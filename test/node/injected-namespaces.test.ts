/**
 * The failures of `injected-failures.test.ts` for what only namespaces of their own let a test
 * make happen: mounts and links.
 */
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe } from 'node:test'
import { EV_ADD, EV_SET, EVFILT_FS, EVFILT_NETDEV, NOTE_LINKDOWN, NOTE_LINKUP } from 'kqueue'
import { itSurvives } from './injection.js'
import { command, inNamespaces } from './namespaces.js'

/** Does one thing, and the next time what undoes it: programs are slow to start. */
function turns(there: () => unknown, back: () => unknown): { turn(): void; end(): void } {
  let isThere = false
  const turn = (): void => {
    isThere = !isThere
    if (isThere) there()
    else back()
  }
  return { turn, end: () => void (isThere && turn()) }
}

inNamespaces(import.meta.url, () => {
  describe('When a call of Linux fails,', () => {
    const path = mkdtempSync(join(tmpdir(), 'kqueue-mount-'))
    const mount = turns(
      () => command('mount', '-t', 'tmpfs', 'kqueue', path),
      () => command('umount', path),
    )
    after(() => {
      mount.end()
      rmdirSync(path)
    })
    itSurvives({
      name: 'EVFILT_FS',
      scene: () => ({ change: EV_SET(0, EVFILT_FS, EV_ADD), happen: mount.turn }),
    })

    const loopback = turns(
      () => command('ip', 'link', 'set', 'lo', 'up'),
      () => command('ip', 'link', 'set', 'lo', 'down'),
    )
    itSurvives({
      name: 'EVFILT_NETDEV',
      scene: () => ({
        change: EV_SET(1, EVFILT_NETDEV, EV_ADD, NOTE_LINKUP | NOTE_LINKDOWN),
        happen: loopback.turn,
      }),
    })
  })
})
