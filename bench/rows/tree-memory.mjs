// A tree of TREE_FILES files that is watched: resident memory of the process when it does.
import { treeFigure } from '../trees.mjs'

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'tree-memory',
  unit: 'MB',
  contest: () => treeFigure('memory'),
}
