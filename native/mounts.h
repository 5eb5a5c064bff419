/* What is mounted: proc_pid_mountinfo(5), see mounts.c. */
#ifndef KQUEUE_MOUNTS_H
#define KQUEUE_MOUNTS_H

#include "call.h"

extern const struct call_entry mounts_calls[];

#endif
