/* The doorbell of a queue: eventfd(2), see eventfd.c. */
#ifndef KQUEUE_EVENTFD_H
#define KQUEUE_EVENTFD_H

#include "call.h"

extern const struct call_entry eventfd_calls[];

#endif
