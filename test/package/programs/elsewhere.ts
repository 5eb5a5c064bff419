/** A program on another system, so far as it is told. */
Object.defineProperty(process, 'platform', { value: 'win32' })
const { kqueue } = await import('kqueue')
kqueue()
