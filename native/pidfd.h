/* Processes by descriptor: pidfd_open(2), see pidfd.c. */
#ifndef KQUEUE_PIDFD_H
#define KQUEUE_PIDFD_H

#include "call.h"

extern const struct call_entry pidfd_calls[];

#endif
