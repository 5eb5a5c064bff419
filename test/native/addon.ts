/** The addon that the package uses, with what only tests call. */
import { native } from '#linux/hub/load.js'
import type { Native } from '#linux/hub/native.js'

interface Addon extends Native {
  /** Has I/O be done by `kind`, with room for so many requests; 0 for what the package would choose. */
  aioPrefer(kind: number, room: number): void
}

export const addon = (): Addon => native() as Addon
