/** Workers that make queues of images. */
import { type Change, Kqueue, type KqueueImage } from 'kqueue'
import { runCase, say } from './cases.js'

const cases = {
  /** Says what is pending, twice. */
  'takes what is pending'(image: KqueueImage) {
    const kq = Kqueue.fromImage(image)
    const take = () => kq.kevent([], 8, 0).map(({ ident, data }) => [ident, data])
    say([take(), take()])
  },

  /** Says what there is, what is pending, twice, and what changes make pending. */
  'takes all'(image: KqueueImage, changes: Change[]) {
    const kq = Kqueue.fromImage(image)
    const take = () => kq.kevent([], 1024, 0)
    say([kq.knotes(), take(), take(), kq.kevent(changes, 1024, 0)])
    kq.close()
  },

  /** Says an image of the queue. */
  'makes an image'(image: KqueueImage) {
    say(Kqueue.fromImage(image).image())
  },

  /** Says that it is ready, then what has come. */
  async waits(image: KqueueImage) {
    const kq = Kqueue.fromImage(image)
    say('ready')
    say((await kq.wait()).map(({ data }) => data))
    kq.close()
  },

  /** Says why it cannot. */
  'is refused'(image: KqueueImage) {
    try {
      Kqueue.fromImage(image)
    } catch (error) {
      say((error as Error).message)
    }
  },
}

export type Cases = typeof cases
await runCase(cases)
