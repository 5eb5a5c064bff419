/** Colours of a terminal, and where they are wanted. */

/** Colours text with an SGR code, or leaves it as it is. */
export type Paint = (code: number, text: string) => string

export const BOLD = 1
export const DIM = 2
export const RED = 31
export const YELLOW = 33
export const CYAN = 36

/** Paints what goes to a terminal, or elsewhere, as the environment wants it. */
export function painter(isTerminal: boolean): Paint {
  if (!isColoured(isTerminal)) return (_code, text) => text
  return (code, text) => (code === 0 || text === '' ? text : `\x1b[${code}m${text}\x1b[0m`)
}

function isColoured(isTerminal: boolean): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  if (NO_COLOR) return false
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return isTerminal && TERM !== 'dumb'
}
