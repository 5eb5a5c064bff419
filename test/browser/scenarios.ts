/**
 * The scenarios on the simulated kernel, in a browser: declares a test for each that the
 * chapters, which are to be imported before, have told.
 */
import { describe, it } from 'node:test'
import { scenarios } from '../scenarios/scenario.js'
import { sim } from '../scenarios/sim.js'

for (const chapter of new Set(scenarios.map(({ chapter }) => chapter))) {
  describe(chapter, () => {
    for (const scenario of scenarios) {
      if (scenario.chapter === chapter) it(scenario.title, () => sim.run(scenario.run))
    }
  })
}
