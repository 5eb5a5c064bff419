// EVFILT_READ and EVFILT_WRITE: whatever goes into a channel comes out of it, with every
// combination of level, edge, once and dispatch on both ends.
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EV_SET,
  EVFILT_READ,
  EVFILT_WRITE,
  kqueue,
} from 'kqueue'
import * as posix from '../../build/test/native/posix.js'
import { textAt, unlessBlocked } from '../channels.mjs'
import { gather } from '../take.mjs'

/** Of datagrams the Internet's are dropped when more of them wait than this by far. */
const MOST_DATAGRAM_BYTES = 16_384
const MOST_BYTES = 300_000
const CHUNK = 65_536

/** One way through a channel: who writes how much, who reads, and how each is told. */
class Transfer {
  /** @param {import('../channels.mjs').Channel} channel @param {import('../run.mjs').Context} context */
  constructor(channel, { random, ledger }) {
    this.channel = channel
    this.random = random
    this.ledger = ledger
    this.left = random.from(1, channel.datagrams ? MOST_DATAGRAM_BYTES : MOST_BYTES)
    this.unread = this.left
    this.at = channel.position
    this.readFlags = random.pick([0, EV_CLEAR, EV_ONESHOT, EV_DISPATCH])
    this.writeFlags = random.pick([0, EV_CLEAR, EV_ONESHOT, EV_DISPATCH])
    this.what = `bytes of ${channel.kind}`
  }

  begin() {
    const { reader, writer } = this.channel
    return [
      EV_SET(reader, EVFILT_READ, EV_ADD | this.readFlags, 0, 0, this),
      EV_SET(writer, EVFILT_WRITE, EV_ADD | this.writeFlags, 0, 0, this),
    ]
  }

  /** Writes a chunk, or with an edge all that there is room for. */
  write() {
    const { channel, random } = this
    // A level is told as often as it is asked, and so once more after the last byte.
    if (this.left === 0) return []
    while (this.left > 0) {
      const most = Math.min(this.left, channel.datagrams ? 1000 : CHUNK)
      const length = random.from(Math.min(most, 200), most)
      const written = unlessBlocked(() =>
        posix.write(channel.writer, textAt(channel.position, length)),
      )
      if (written === null) break
      channel.position += written
      this.left -= written
      this.ledger.done(this.what, written)
      if (this.writeFlags !== EV_CLEAR) break
    }
    const ident = channel.writer
    if (this.left === 0) {
      return this.writeFlags === EV_ONESHOT ? [] : [EV_SET(ident, EVFILT_WRITE, EV_DELETE)]
    }
    return again(ident, EVFILT_WRITE, this.writeFlags, this)
  }

  /** Reads a chunk, or with an edge all that is there. */
  read() {
    for (;;) {
      const bytes = unlessBlocked(() => posix.read(this.channel.reader, CHUNK))
      if (bytes === null || bytes.length === 0) break
      if (Buffer.compare(bytes, textAt(this.at, bytes.length)) !== 0) {
        this.ledger.fault(`${this.what}: others than were written at ${this.at}`)
      }
      this.at += bytes.length
      this.unread -= bytes.length
      this.ledger.seen(this.what, bytes.length)
      if (this.readFlags !== EV_CLEAR) break
    }
    return again(this.channel.reader, EVFILT_READ, this.readFlags, this)
  }
}

/** What makes an event that was handed out come again. */
function again(
  /** @type {number} */ ident,
  /** @type {number} */ filter,
  /** @type {number} */ flags,
  /** @type {Transfer} */ transfer,
) {
  if (flags === EV_ONESHOT) return [EV_SET(ident, filter, EV_ADD | EV_ONESHOT, 0, 0, transfer)]
  if (flags === EV_DISPATCH) return [EV_SET(ident, filter, EV_ENABLE, 0, 0, transfer)]
  return []
}

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'bytes',
  start(context) {
    const { random, ledger, channels } = context
    const kq = kqueue()
    return {
      async turn() {
        const transfers = random.some(channels).map((channel) => new Transfer(channel, context))
        kq.kevent(transfers.flatMap((transfer) => transfer.begin()))
        const came = await gather(
          kq,
          random,
          ({ filter, udata }) => {
            const transfer = /** @type {Transfer} */ (udata)
            kq.kevent(filter === EVFILT_READ ? transfer.read() : transfer.write())
          },
          () => transfers.every(({ unread }) => unread <= 0),
        )
        for (const { what, left, unread } of came ? [] : transfers) {
          ledger.check(unread === 0, () => `${what}: ${left} not written, ${unread} not read`)
        }
        kq.kevent(transfers.map(({ channel }) => EV_SET(channel.reader, EVFILT_READ, EV_DELETE)))
        ledger.check(kq.knotes().length === 0, () => 'events are left that were deleted')
      },
      close: () => kq.close(),
    }
  },
}
