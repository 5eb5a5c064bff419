/** The program of a day with its import replaced by a hook: `node --import` of this file. */
import { register } from 'node:module'
import { SimKernel } from 'kqueue/sim'

const kernel = new SimKernel()

/** The module that `kqueue` is for the program: each export, taken from the process. */
function replacement(system: object): string {
  Object.assign(globalThis, { simulatedSystem: system })
  const names = Object.keys(system).join(', ')
  const source = `export const { ${names} } = globalThis.simulatedSystem`
  return `data:text/javascript,${encodeURIComponent(source)}`
}

kernel.spawn(async ({ system }) => {
  register(new URL('./day-hooks.js', import.meta.url), { data: replacement(system) })
  const { day } = await import('./day.js')
  console.log(await day())
})
await kernel.run()
console.log(`${kernel.now} ns`)
