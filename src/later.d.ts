/** What is loaded when it is called for first: `scripts/later.mjs` makes it. */
declare module '#later' {
  /** By what parts are read, and what they are given: before the first is called for. */
  export function provide(
    createRequire: (from: string) => NodeJS.Require,
    parts: { readonly linux: object },
  ): void
  export const require: (file: string) => unknown
  export const seldom: () => typeof import('./api/seldom.js') &
    typeof import('./core/kqueue-image.js')
  export const files: () => typeof import('./linux/descriptor/empty.js') &
    typeof import('./linux/descriptor/file-sides.js') &
    typeof import('./linux/descriptor/pipe-reads.js') &
    typeof import('./linux/descriptor/vnode-side.js') &
    typeof import('./linux/vnode/table.js')
  export const processes: () => typeof import('./linux/process/filters.js') &
    typeof import('./linux/process/table.js')
  export const rare: () => typeof import('./linux/aio.js') &
    typeof import('./linux/fork/arrival.js') &
    typeof import('./linux/fork/fork.js') &
    typeof import('./linux/links.js') &
    typeof import('./linux/mounts.js') &
    typeof import('./linux/trees.js')
  export const bsd: () => typeof import('./bsd/system.js')
}

/** What of Linux is read with the package. */
declare module '#later/linux' {}
