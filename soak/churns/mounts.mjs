// EVFILT_FS: each mount and each unmount, in a mount namespace of the soak's own.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { EV_ADD, EV_SET, EVFILT_FS, kqueue, VQ_MOUNT, VQ_UNMOUNT } from 'kqueue'
import { gather } from '../take.mjs'

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'mounts',
  apart: true,
  start({ random, ledger, directory }) {
    const kq = kqueue()
    kq.kevent([EV_SET(1, EVFILT_FS, EV_ADD)])
    const path = join(directory, 'mount')
    mkdirSync(path, { recursive: true })
    let depth = 0
    return {
      async turn() {
        const mount = depth === 0 || (depth < 3 && random.chance(0.5))
        const wanted = mount ? VQ_MOUNT : VQ_UNMOUNT
        const line = mount ? ['mount', '-t', 'tmpfs', 'soak', path] : ['umount', path]
        const { status, stderr } = spawnSync(line[0], line.slice(1), { encoding: 'utf8' })
        if (status !== 0) return ledger.fault(`${line.join(' ')}: ${stderr}`)
        depth += mount ? 1 : -1
        const what = mount ? 'mounts' : 'unmounts'
        ledger.done(what)
        let seen = 0
        await gather(
          kq,
          random,
          ({ fflags }) => {
            seen |= fflags
            ledger.check(fflags === wanted, () => `${what}: 0x${fflags.toString(16)}`)
            ledger.seen(what)
          },
          () => seen !== 0,
        )
      },
      close() {
        kq.close()
        for (; depth > 0; depth--) spawnSync('umount', [path])
      },
    }
  },
}
