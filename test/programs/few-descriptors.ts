/**
 * Adds an event, FILTER for IDENT, while no descriptor is free, while one is, and while two
 * are; prints what each came to, and how many events there are then.
 */
import { closeSync, openSync } from 'node:fs'
import { EV_ADD, EV_SET, type KqueueError, kqueue } from 'kqueue'

const [ident, filter] = process.argv.slice(2).map(Number) as [number, number]
const kq = kqueue()
const add = EV_SET(ident, filter, EV_ADD)

function attempt(): string {
  try {
    kq.kevent([add])
    return 'added'
  } catch (error) {
    return (error as KqueueError).code
  }
}

const taken: number[] = []
for (let full = false; !full; ) {
  try {
    taken.push(openSync('/dev/null', 'r'))
  } catch {
    full = true
  }
}
const answers = [attempt()]
for (const fd of taken.slice(-2)) {
  closeSync(fd)
  answers.push(attempt())
}
console.log(answers.join(' '), kq.knotes().length)
