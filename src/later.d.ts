/** What is loaded when it is called for first: `scripts/later.mjs` makes it. */
declare module '#later' {
  export const linux: () => typeof import('./linux/system.js')
  export const rare: () => typeof import('./linux/fork/arrival.js') &
    typeof import('./linux/fork/fork.js') &
    typeof import('./linux/trees.js')
  export const bsd: () => typeof import('./bsd/system.js')
}
