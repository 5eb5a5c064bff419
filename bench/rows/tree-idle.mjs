// A tree of TREE_FILES files that is watched: its processor time while nothing happens.
import { treeFigure } from '../trees.mjs'

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'tree-idle',
  unit: 'ms in 1 s',
  contest: () => treeFigure('idle'),
}
