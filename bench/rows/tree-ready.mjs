// A tree of TREE_FILES files that is watched: from the call, or the start of the program, to the moment that it watches.
import { treeFigure } from '../trees.mjs'

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'tree-ready',
  unit: 'ms',
  contest: () => treeFigure('ready'),
}
