// A filter of the program's own: job queues that live in memory are watched in the
// same loop as timers and descriptors. `ident` is the number of a job queue.
//
//     node examples/own-filter.mjs
import {
  EV_ADD,
  EV_SET,
  EVFILT_TIMER,
  Knlist,
  kfilter_register,
  kfilter_unregister,
  kqueue,
} from 'kqueue'

const ENXIO = 6

/** What is watched: it owns a list of the knotes on it, and tells them. */
class JobQueue {
  list = new Knlist()
  jobs = []

  push(job) {
    this.jobs.push(job)
    this.list.note(0)
  }
}

const queues = [new JobQueue(), new JobQueue()]

const EVFILT_JOBS = kfilter_register('jobs', {
  isFd: false,
  attach(kn) {
    const queue = queues[kn.ident]
    if (queue === undefined) return ENXIO
    kn.hook = queue
    queue.list.add(kn)
    return 0
  },
  detach: (kn) => kn.hook.list.remove(kn),
  event(kn) {
    kn.data = kn.hook.jobs.length
    return kn.data >= Math.max(1, kn.sdata) // `data` of the change: the least number
  },
})

const kq = kqueue()
kq.kevent([
  EV_SET(0, EVFILT_JOBS, EV_ADD),
  EV_SET(1, EVFILT_JOBS, EV_ADD, 0, 3), // not before there are three
  EV_SET(0, EVFILT_TIMER, EV_ADD, 0, 20),
])

let made = 0
for await (const { filter, ident, data } of kq) {
  if (filter === EVFILT_TIMER) {
    if (made === 6) break
    queues[made % 2].push(`job ${++made}`)
  } else {
    console.log(`queue ${ident}, ${data} waiting: ${queues[ident].jobs.splice(0).join(', ')}`)
  }
}
kq.close()
kfilter_unregister('jobs')
