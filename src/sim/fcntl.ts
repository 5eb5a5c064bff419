/**
 * How files are opened and where offsets count from (`fcntl.h`, `unistd.h`), with
 * the numbers of Linux. Flags that are not here mean nothing to the file tree.
 */

export const O_RDONLY = 0o0
export const O_WRONLY = 0o1
export const O_RDWR = 0o2
/** The bits that hold one of the three above. */
export const O_ACCMODE = 0o3
/** Makes the file when there is none. */
export const O_CREAT = 0o100
/** With O_CREAT: EEXIST when there is one. */
export const O_EXCL = 0o200
/** Cuts the file to nothing. */
export const O_TRUNC = 0o1000
/** Every write goes to the end. */
export const O_APPEND = 0o2000
/** EAGAIN instead of waiting. */
export const O_NONBLOCK = 0o4000
/** ENOTDIR for what is not a directory. */
export const O_DIRECTORY = 0o200000
/** Only names the file: it can be watched, not read or written, and to open it is no event. */
export const O_PATH = 0o10000000
/** Closed on exec. */
export const O_CLOEXEC = 0o2000000

/** Every write waits for the disk; here, what aio_fsync waits for. */
export const O_DSYNC = 0o10000
export const O_SYNC = 0o4010000

/** From the beginning. */
export const SEEK_SET = 0
/** From where the offset is. */
export const SEEK_CUR = 1
/** From the end. */
export const SEEK_END = 2
