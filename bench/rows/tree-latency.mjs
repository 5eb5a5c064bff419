// A tree of TREE_FILES files that is watched: from a write to one of the files to the moment that it knows.
import { treeFigure } from '../trees.mjs'

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'tree-latency',
  unit: 'µs',
  contest: () => treeFigure('latency'),
}
