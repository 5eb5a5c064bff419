/*
 * The command lines of programs that were executed lately, see cmdline.c. Whoever calls
 * holds the connector's lock.
 */
#ifndef KQUEUE_CMDLINE_H
#define KQUEUE_CMDLINE_H

#include <stddef.h>
#include <sys/types.h>

/* Bytes of a command line that are kept. */
#define CMDLINE_MOST 4096

/* Reads the command line of a process: where it is kept, -1 when the process is gone. */
double cmdline_keep(pid_t pid);
/* How many bytes were kept there, copied to `line`; 0 when later ones have taken the room. */
size_t cmdline_copy(double place, char line[CMDLINE_MOST]);

#endif
