// EVFILT_NETDEV: an interface that goes up and down and away, in a network namespace of the
// soak's own.
import { spawnSync } from 'node:child_process'
import {
  EV_ADD,
  EV_CLEAR,
  EV_SET,
  EVFILT_NETDEV,
  if_nametoindex,
  kqueue,
  NOTE_LINKDOWN,
  NOTE_LINKINV,
  NOTE_LINKUP,
} from 'kqueue'
import { gather } from '../take.mjs'

const ALL = NOTE_LINKUP | NOTE_LINKDOWN | NOTE_LINKINV

/** @param {string} line */
function ip(line) {
  const { status, stderr } = spawnSync('ip', line.split(' '), { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${line}: ${stderr}`)
}

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'links',
  apart: true,
  start({ random, ledger }) {
    const kq = kqueue()

    async function expect(/** @type {string} */ what, /** @type {number} */ notes) {
      ledger.done(what)
      let seen = 0
      await gather(
        kq,
        random,
        ({ fflags }) => {
          seen |= fflags
          ledger.check(fflags === notes, () => `${what}: 0x${fflags.toString(16)}`)
          ledger.seen(what)
        },
        () => seen !== 0,
      )
    }

    return {
      async turn() {
        ip('link add soak type veth peer name other')
        ip('link set other up')
        kq.kevent([EV_SET(if_nametoindex('soak'), EVFILT_NETDEV, EV_ADD | EV_CLEAR, ALL)])
        for (let times = random.from(0, 5); times > 0; times--) {
          ip('link set soak up')
          await expect('links up', NOTE_LINKUP)
          ip('link set soak down')
          await expect('links down', NOTE_LINKDOWN)
        }
        ip('link del soak')
        await expect('links gone', NOTE_LINKINV)
      },
      close: () => kq.close(),
    }
  },
}
