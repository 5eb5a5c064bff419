/**
 * `kqueue/sim`: a small, deterministic Unix in memory, with the machine of
 * `kqueue/core`. It needs nothing but a JavaScript engine.
 *
 *     import { SimKernel, EV_SET, EVFILT_TIMER, EV_ADD } from 'kqueue/sim'
 *
 *     const kernel = new SimKernel()
 *     const p = kernel.init
 *     const kq = p.kqueue()
 *     p.kevent(kq, [EV_SET(1, EVFILT_TIMER, EV_ADD, 0, 250)], 1) // at once: the clock moves
 *     kernel.now // 250000000n
 */
export type { ProcessExit as WaitStatus } from '../api/processes.js'
export * from '../core/index.js'
export type { Address, SocketKind } from './addresses.js'
export type { Aio, AioEntry, AioRead, AioSync, AioWrite } from './aio.js'
export type { AioList, AioRequest } from './aio-request.js'
export * from './fcntl.js'
export { SimFile } from './file.js'
export { SimKernel, type SimOptions, type SimSysctl } from './kernel.js'
export type { LinkState, Net } from './net.js'
export { PIPE_BUF, PIPE_SIZE } from './pipe.js'
export { SimProcess, type WaitOptions } from './process.js'
export { type Disposition, SIGNALS, type Signal, type SignalName } from './signals.js'
export type { MessageOptions } from './socket.js'
export type { ConnectOptions } from './socket-calls.js'
export type { Device } from './special.js'
export type { Tree } from './tree.js'
export type { Stat, VnodeType } from './vnode.js'
