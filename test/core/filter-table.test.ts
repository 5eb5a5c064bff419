/** FilterTable: filters by number and by name. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  EV_ADD,
  EV_DELETE,
  EV_SET,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  type FilterOps,
  FilterTable,
  KqueueError,
} from 'kqueue/core'
import { kevent, TinyKernel } from './tiny.js'

const ops: FilterOps = { isFd: false, attach: () => 0, detach() {}, event: () => false }

function refuses(code: string, syscall: string, action: () => unknown): void {
  assert.throws(action, (error) => {
    assert.ok(error instanceof KqueueError, String(error))
    assert.deepEqual([error.code, error.syscall], [code, syscall], error.message)
    return true
  })
}

describe('FilterTable', () => {
  it('finds a filter by its number once it is added', () => {
    const table = new FilterTable()
    assert.equal(table.find(-100), undefined)
    table.add(-100, ops)
    assert.equal(table.find(-100), ops)
    table.remove(-100)
    assert.equal(table.find(-100), undefined)
  })

  it('has every number of a C short below 0 and no other', () => {
    const table = new FilterTable()
    for (const filter of [-1, -32768]) {
      table.add(filter, ops)
      table.remove(filter)
    }
    for (const filter of [0, 1, -32769, -1.5, Number.NaN, Number.NEGATIVE_INFINITY, -(2 ** 53)]) {
      refuses('EINVAL', 'kqueue_add_filteropts', () => table.add(filter, ops))
    }
  })

  it('refuses numbers that are not numbers', () => {
    const table = new FilterTable()
    fc.assert(
      fc.property(
        fc.anything().filter((value) => typeof value !== 'number'),
        (value) => {
          assert.throws(() => table.add(value as number, ops), { name: /Error$/, message: /./ })
          assert.throws(() => table.remove(value as number), { name: /Error$/, message: /./ })
        },
      ),
    )
  })

  it('answers EEXIST for a number that is taken, and leaves it', () => {
    const table = new FilterTable()
    table.add(-100, ops)
    refuses('EEXIST', 'kqueue_add_filteropts', () => table.add(-100, { ...ops }))
    assert.equal(table.find(-100), ops)
  })

  it('answers EINVAL for the removal of what is not there', () => {
    const table = new FilterTable()
    refuses('EINVAL', 'kqueue_del_filteropts', () => table.remove(-100))
    refuses('EINVAL', 'kfilter_unregister', () => table.unregister('nobody'))
  })

  it('does not let go of the filters of the system', () => {
    const { filters } = new TinyKernel()
    for (const filter of [EVFILT_READ, EVFILT_WRITE, EVFILT_TIMER, EVFILT_USER]) {
      refuses('EEXIST', 'kqueue_add_filteropts', () => filters.add(filter, ops))
      refuses('EINVAL', 'kqueue_del_filteropts', () => filters.remove(filter))
      assert.ok(filters.find(filter))
    }
  })

  it('answers EBUSY while a knote of any queue uses the filter', () => {
    const kernel = new TinyKernel()
    kernel.filters.add(-100, ops)
    const one = kernel.kqueue()
    const two = kernel.kqueue()
    kevent(one, [EV_SET(1, -100, EV_ADD), EV_SET(2, -100, EV_ADD), EV_SET(2, -100, EV_ADD)])
    kevent(two, [EV_SET(1, -100, EV_ADD)])
    const remove = () => kernel.filters.remove(-100)
    refuses('EBUSY', 'kqueue_del_filteropts', remove)
    kevent(one, [EV_SET(1, -100, EV_DELETE), EV_SET(2, -100, EV_DELETE)])
    refuses('EBUSY', 'kqueue_del_filteropts', remove)
    two.close()
    remove()
  })

  it('has another filter under the number of one that was removed', () => {
    const kernel = new TinyKernel()
    const kq = kernel.kqueue()
    const attached: string[] = []
    const naming = (name: string): FilterOps => ({
      ...ops,
      attach() {
        attached.push(name)
        return 0
      },
    })
    const change = (flags: number) => kevent(kq, [EV_SET(1, -100, flags)])
    kernel.filters.add(-100, naming('first'))
    change(EV_ADD)
    change(EV_DELETE)
    kernel.filters.remove(-100)
    assert.throws(() => change(EV_ADD), { code: 'EINVAL' })
    kernel.filters.add(-100, naming('second'))
    change(EV_ADD)
    assert.deepEqual(attached, ['first', 'second'])
    refuses('EBUSY', 'kqueue_del_filteropts', () => kernel.filters.remove(-100))
    change(EV_DELETE)
    kernel.filters.remove(-100)
  })

  it('gives each name a number of its own', () => {
    const table = new FilterTable()
    const numbers = ['one', 'two', 'three'].map((name) => table.register(name, { ...ops }))
    assert.equal(new Set(numbers).size, 3)
    for (const filter of numbers) {
      assert.ok(Number.isInteger(filter) && filter < 0 && filter >= -32768)
      assert.ok(table.find(filter))
    }
    assert.equal(table.byName('two'), numbers[1])
    assert.equal(table.byName('four'), undefined)
  })

  it('passes over numbers that are taken when it gives one to a name', () => {
    const table = new FilterTable()
    const first = table.register('first', ops)
    table.unregister('first')
    table.add(first, ops)
    assert.notEqual(table.register('second', ops), first)
  })

  it('answers EEXIST for a name that is taken until it is given back', () => {
    const table = new FilterTable()
    table.register('mine', ops)
    refuses('EEXIST', 'kfilter_register', () => table.register('mine', ops))
    table.unregister('mine')
    assert.equal(table.byName('mine'), undefined)
    table.register('mine', ops)
  })

  it('removes a named filter by its number as well', () => {
    const table = new FilterTable()
    table.remove(table.register('mine', ops))
    refuses('EINVAL', 'kfilter_unregister', () => table.unregister('mine'))
  })

  it('answers EBUSY for the name of a filter in use', () => {
    const kernel = new TinyKernel()
    const kq = kernel.kqueue()
    const filter = kernel.filters.register('mine', ops)
    kevent(kq, [EV_SET(1, filter, EV_ADD)])
    refuses('EBUSY', 'kfilter_unregister', () => kernel.filters.unregister('mine'))
    kevent(kq, [EV_SET(1, filter, EV_DELETE)])
    kernel.filters.unregister('mine')
  })

  it('refuses a name that is no name', () => {
    const table = new FilterTable()
    for (const name of ['', undefined, null, 1, Symbol('x'), {}]) {
      refuses('EINVAL', 'kfilter_register', () => table.register(name as string, ops))
    }
  })

  it('refuses what is not a whole filter', () => {
    const table = new FilterTable()
    const { attach, detach, event, isFd } = ops
    for (const part of [
      undefined,
      null,
      1,
      () => {},
      {},
      { attach, detach, event },
      { isFd, detach, event },
      { isFd, attach, event },
      { isFd, attach, detach },
      { isFd: 1, attach, detach, event },
      { isFd, attach: 0, detach, event },
    ]) {
      refuses('EINVAL', 'kqueue_add_filteropts', () => table.add(-100, part as FilterOps))
      refuses('EINVAL', 'kfilter_register', () => table.register('mine', part as FilterOps))
    }
    assert.equal(table.find(-100), undefined)
    assert.equal(table.byName('mine'), undefined)
  })
})
