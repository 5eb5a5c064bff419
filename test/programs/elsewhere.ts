/**
 * Makes every call that needs a kernel on a platform that is none of this machine's, and prints
 * what each has thrown: `node elsewhere.js win32`.
 */
Object.defineProperty(process, 'platform', { value: process.argv[2] })

const calls = await import('kqueue')
const buffer = new Uint8Array(1)
const ops = { isFd: false, attach: () => 0, detach() {}, event: () => false }

const all: Readonly<Record<string, () => unknown>> = {
  kqueue: () => calls.kqueue(),
  kqueuex: () => calls.kqueuex(0),
  kqueue1: () => calls.kqueue1(0),
  fromImage: () => calls.Kqueue.fromImage({} as never),
  fork: () => calls.fork('program.js'),
  forkOptions: () => calls.forkOptions(),
  inheritedKqueues: () => calls.inheritedKqueues(),
  readable: () => calls.readable(0),
  writable: () => calls.writable(1),
  ticks: () => calls.ticks(1).next(),
  processExit: () => calls.processExit(1),
  processTree: () => calls.processTree(1).next(),
  vnodeEvents: () => calls.vnodeEvents('.').next(),
  treeEvents: () => calls.treeEvents('.').next(),
  aio_read: () => calls.aio_read({ fd: 0, buffer, offset: 0 }),
  aio_write: () => calls.aio_write({ fd: 1, bytes: buffer, offset: 0 }),
  aio_fsync: () => calls.aio_fsync({ fd: 1 }),
  lio_listio: () => calls.lio_listio([{ op: 'read', fd: 0, buffer, offset: 0 }]),
  aio_cancel: () => calls.aio_cancel(0),
  kqueue_add_filteropts: () => calls.kqueue_add_filteropts(-100, ops),
  kqueue_del_filteropts: () => calls.kqueue_del_filteropts(-100),
  kfilter_register: () => calls.kfilter_register('name', ops),
  kfilter_unregister: () => calls.kfilter_unregister('name'),
  sysctl: () => calls.sysctl.kq_calloutmax,
  'sysctl =': () => {
    calls.sysctl.kq_calloutmax = 1
  },
  getmntinfo: () => calls.getmntinfo(),
  if_nametoindex: () => calls.if_nametoindex('lo'),
  if_indextoname: () => calls.if_indextoname(1),
  if_nameindex: () => calls.if_nameindex(),
  kinfo_getproc: () => calls.kinfo_getproc(1),
  kinfo_getallproc: () => calls.kinfo_getallproc(),
}

const answers: Record<string, { code?: string; message?: string }> = {}
for (const [name, call] of Object.entries(all)) {
  try {
    await call()
    answers[name] = {}
  } catch (error) {
    const { code = 'none', message } = error as NodeJS.ErrnoException
    answers[name] = { code, message }
  }
}
console.log(JSON.stringify(answers))
