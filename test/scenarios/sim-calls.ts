/**
 * What the World on the simulated kernel has beyond files and sockets: names, mounts,
 * a network interface.
 */
import type { SimKernel } from 'kqueue/sim'
import type { MountCalls, NetworkCalls, TreeCalls } from './world.js'

type Process = SimKernel['init']

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
