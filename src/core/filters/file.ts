/**
 * The dispatch for filters of descriptors (`file_filtops`): the open file
 * attaches the knote and puts its own filter in place.
 */
import type { FilterOps } from '../filter.js'

export const fileFilter: FilterOps = {
  isFd: true,
  attach: (kn) => kn.file!.kqfilter(kn),
  detach() {},
  event: () => false,
}
