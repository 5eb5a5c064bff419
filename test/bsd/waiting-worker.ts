/** Waits for a queue of the tiny library; what one that ends has left does not keep it alive. */
import { parentPort, workerData } from 'node:worker_threads'
import { EV_ADD, EV_SET, EVFILT_USER } from 'kqueue'
import { bind } from '#api/bind.js'
import { seldom } from '#api/seldom.js'
import { macos } from '#bsd/vocabularies.js'
import { load, systemOn } from './addon.js'

const system = systemOn(load(workerData.addon), macos)
const kq = bind(
  () => system,
  () => seldom,
).kqueue()
kq.kevent([EV_SET(1, EVFILT_USER, EV_ADD)])
if (workerData.how === 'ends while it waits') kq.unref()
const controller = new AbortController()
void kq.wait({ signal: controller.signal }).catch(() => {})
if (workerData.how === 'aborts its wait') controller.abort()
parentPort!.postMessage('ready')
