/** What the sides of a descriptor have in common, see `descriptor.ts`. */
import type { Origin } from '../../core/image.js'
import type { Knlist } from '../../core/knlist.js'
import type { Knote } from '../../core/knote.js'

/** One watched side of a descriptor: the list of its knotes, all of which go when it is closed. */
export interface Side extends Knlist {
  attach(kn: Knote): void
  /** Whether the number still names the file that this side was made for. */
  same(): boolean

  // Copies of knotes; see `OpenFile`.

  image(kn: Knote): unknown
  restored(kn: Knote, state: unknown, origin: Origin): void
}
