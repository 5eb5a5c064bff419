/** File systems that are not like the others, by their `f_type`: statfs(2), linux/magic.h. */

/** Anonymous pipes. */
export const PIPEFS = 0x50495045

/**
 * Layers of others. A file of the lower layer that is changed becomes one of the upper
 * layer, with another time of birth; and its link count does not say that it was removed.
 */
export const OVERLAYFS = 0x794c7630

export const FUSE = 0x65735546
export const PROCFS = 0x9fa0
const SYSFS = 0x62656572
export const CGROUP2 = 0x63677270

/**
 * Whose files are kernfs's (fs/kernfs/file.c): each has a poll that tells that the file
 * has changed since it was read.
 */
export const KERNFS: ReadonlySet<number> = new Set([
  SYSFS,
  CGROUP2,
  0x27e0eb, // cgroup
  0x7655821, // resctrl
])

/** File systems whose files change without inotify being told, by name. */
const SILENT: ReadonlyMap<number, string> = new Map([
  [PROCFS, 'procfs'],
  [SYSFS, 'sysfs'],
  [0x64626720, 'debugfs'],
  [0x74726163, 'tracefs'],
  [0x73636673, 'securityfs'],
])

/** Why nothing is told of the files of a file system; undefined where Linux tells. */
export function silenceOf(magic: number): string | undefined {
  const name = SILENT.get(magic)
  return name && `Linux does not tell when files of ${name} change`
}

/** File systems whose files have no length to be read to, by name. */
export const PSEUDO: ReadonlyMap<number, string> = new Map([
  ...SILENT,
  [CGROUP2, 'cgroup2'],
  [0x27e0eb, 'cgroup'],
  [0x7655821, 'resctrl'],
  [0x62656570, 'configfs'],
  [0x42494e4d, 'binfmt_misc'],
  [0xf97cff8c, 'selinuxfs'],
])
