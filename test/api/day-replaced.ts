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
  const hooks = `export const resolve = (specifier, context, next) =>
    specifier === 'kqueue'
      ? { url: ${JSON.stringify(replacement(system))}, shortCircuit: true }
      : next(specifier, context)`
  register(`data:text/javascript,${encodeURIComponent(hooks)}`)
  const { day } = await import('./day.js')
  console.log(await day())
})
await kernel.run()
console.log(`${kernel.now} ns`)
