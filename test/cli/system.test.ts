/** `--fs` and `--net`, with mounts and interfaces of namespaces of the tests. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { command, inNamespaces } from '../node/namespaces.js'
import { Directory, type Running, run, start } from './command.js'

const ip = (line: string): string => command('ip', ...line.split(' '))

/** Starts `kq watch` and waits until it watches: the timer says so. */
async function watching(...args: string[]): Promise<Running> {
  const kq = start(['watch', '--timer', '20ms', ...args])
  assert.match(await kq.line(), /expired/)
  return kq
}

/** The next line that is not of the timer, without the time. */
async function next(kq: Running): Promise<string> {
  for (;;) {
    const line = await kq.line()
    if (!line.includes('--timer')) return line.replace(/^\S+ +/, '').replace(/ {2,}/g, '  ')
  }
}

async function stop(kq: Running): Promise<void> {
  kq.child.kill('SIGTERM')
  assert.equal((await kq.ended).code, 143)
}

inNamespaces(import.meta.url, () => {
  const directory = new Directory()
  after(() => directory.remove())

  describe('--fs', () => {
    test('says what is mounted and unmounted', async () => {
      const path = directory.join('a place')
      mkdirSync(path)
      const kq = await watching('--fs')
      command('mount', '-t', 'tmpfs', 'none', path)
      assert.equal(await next(kq), `--fs  mounted ${path}`)
      command('umount', path)
      assert.equal(await next(kq), `--fs  unmounted ${path}`)
      await stop(kq)
    })

    test('is met by the next mount', async () => {
      const path = directory.join('another')
      mkdirSync(path)
      const kq = start(['wait', '--all', '--timer', '1ms', '--fs', '--json'])
      assert.match(await kq.line(), /EVFILT_TIMER/)
      command('mount', '-t', 'tmpfs', 'none', path)
      const { code, stdout } = await kq.ended
      command('umount', path)
      assert.equal(code, 0)
      const { filter, fflags, data, source } = JSON.parse(stdout.trim().split('\n').at(-1)!)
      assert.deepEqual([filter, fflags, data, source], ['EVFILT_FS', ['VQ_MOUNT'], 0, '--fs'])
    })

    test('waits as long as nothing happens', async () => {
      assert.equal((await run(['wait', '--fs', '--timeout', '20ms'])).code, 124)
    })
  })

  describe('--net', () => {
    test('with a name is the link of an interface, until that is gone', async () => {
      ip('link add ka type veth peer name kb')
      ip('link set kb up')
      const kq = await watching('--net', 'ka')
      ip('link set ka up')
      assert.equal(await next(kq), '--net ka  up')
      ip('link set kb down')
      assert.equal(await next(kq), '--net ka  down')
      ip('link delete ka')
      assert.equal(await next(kq), '--net ka  the interface is gone')
      await stop(kq)
    })

    test('ends kq watch when its interface is all that it watches', async () => {
      ip('link add ka type veth peer name kb')
      const fifo = directory.fifo()
      const kq = start(['watch', '--read', fifo, '--net', 'ka', '--json'])
      const writer = await kq.writer(fifo)
      await writer.write('it watches')
      assert.match(await kq.line(), /"data":10/)
      await writer.close()
      assert.match(await kq.line(), /EV_EOF/)
      ip('link delete ka')
      const { code, stdout } = await kq.ended
      assert.equal(code, 0)
      const last = JSON.parse(stdout.trim().split('\n').at(-1)!)
      assert.deepEqual(last.flags, ['EV_EOF'])
      assert.ok(last.fflags.includes('NOTE_LINKINV'))
    })

    test('alone is all interfaces, those that come later too', async () => {
      const kq = await watching('--net')
      ip('link set lo up')
      assert.equal(await next(kq), '--net  lo is up')
      ip('link add ka type veth peer name kb')
      assert.match(await next(kq), /^--net {2}.*k[ab] is down/)
      ip('link set kb up')
      ip('link set ka up')
      while (!(await next(kq)).includes('ka is up'));
      ip('link delete ka')
      while (!(await next(kq)).includes('ka is gone'));
      await stop(kq)
      ip('link set lo down')
    })

    test('of an interface that there is not is an error', async () => {
      const { code, stderr } = await run(['wait', '--net', 'nobody'])
      assert.equal(code, 1)
      assert.match(stderr, /^kq: --net nobody: ENXIO: .*no interface 'nobody'\n$/)
    })
  })
})
