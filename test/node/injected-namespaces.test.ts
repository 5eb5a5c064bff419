/**
 * The failures of `injected-failures.test.ts` for what only namespaces of their own let a test
 * make happen: mounts and links.
 */
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'node:test'
import { EV_ADD, EV_SET, EVFILT_FS, EVFILT_NETDEV, NOTE_LINKDOWN, NOTE_LINKUP } from 'kqueue'
import { itSurvives } from './injection.js'
import { command, inNamespaces } from './namespaces.js'

const link = (...args: string[]): string => command('ip', 'link', 'set', 'lo', ...args)

inNamespaces(import.meta.url, () => {
  describe('When a call of Linux fails,', () => {
    itSurvives({
      name: 'EVFILT_FS',
      scene() {
        const path = mkdtempSync(join(tmpdir(), 'kqueue-mount-'))
        let mounted = false
        return {
          change: EV_SET(0, EVFILT_FS, EV_ADD),
          happen() {
            command('mount', '-t', 'tmpfs', 'kqueue', path)
            mounted = true
          },
          end() {
            if (mounted) command('umount', path)
            rmdirSync(path)
          },
        }
      },
    })

    for (const [what, ident] of [
      ['a link', 1],
      ['all links', 0],
    ] as const) {
      itSurvives({
        name: `EVFILT_NETDEV of ${what}`,
        scene: () => ({
          change: EV_SET(ident, EVFILT_NETDEV, EV_ADD, NOTE_LINKUP | NOTE_LINKDOWN),
          happen: () => link('up'),
          end: () => link('down'),
        }),
      })
    }
  })
})
