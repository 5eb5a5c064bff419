/**
 * What the World on the simulated kernel has beyond files and sockets: names, mounts,
 * a network interface, asynchronous I/O.
 */
import type { SimKernel } from 'kqueue/sim'
import type { AioCalls, AioRequest, MountCalls, NetworkCalls, Queue, TreeCalls } from './world.js'

type Process = SimKernel['init']
type Request = ReturnType<SimKernel['aio']['read']>

export function treeCalls(p: Process): TreeCalls {
  return {
    mkdir: (name) => void p.mkdir(name),
    rmdir: (name) => void p.rmdir(name),
    link: (from, to) => void p.link(from, to),
    chmod: (name, mode) => void p.chmod(name, mode),
  }
}

export function mountCalls(kernel: SimKernel): MountCalls {
  return {
    mount: (name) => kernel.mount(name),
    unmount: (name) => kernel.unmount(name),
  }
}

export function networkCalls(kernel: SimKernel, ifindex = 2): NetworkCalls {
  return { ifindex, link: (state) => kernel.link(ifindex, state) }
}

export function aioCalls({ aio }: SimKernel, p: Process): AioCalls {
  const told = (request: Request): AioRequest => ({
    ident: request.id,
    result: () => request.result,
    cancel: () => void request.cancel(),
  })
  return {
    read: (fd, buffer, offset, { fd: kq }: Queue, udata) =>
      told(aio.read(p, { fd, buffer, offset, kq, udata })),
    write: (fd, bytes, offset, { fd: kq }: Queue, udata) =>
      told(aio.write(p, { fd, bytes, offset, kq, udata })),
    list: (writes, { fd: kq }) =>
      aio.lio(
        p,
        writes.map((write) => ({ op: 'write', ...write })),
        { kq },
      ).id,
  }
}
