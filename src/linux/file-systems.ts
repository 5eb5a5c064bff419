/** File systems that are not like the others, by their `f_type`: statfs(2), linux/magic.h. */

/** Anonymous pipes. */
export const PIPEFS = 0x50495045

/**
 * Layers of others. A file of the lower layer that is changed becomes one of the upper
 * layer, with another time of birth; and its link count does not say that it was removed.
 */
export const OVERLAYFS = 0x794c7630

/** File systems whose files change without inotify being told, by name. */
export const SILENT: ReadonlyMap<number, string> = new Map([
  [0x9fa0, 'procfs'],
  [0x62656572, 'sysfs'],
  [0x64626720, 'debugfs'],
  [0x74726163, 'tracefs'],
  [0x73636673, 'securityfs'],
])
