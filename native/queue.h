/* The descriptor of a queue, see queue.c. */
#ifndef KQUEUE_QUEUE_H
#define KQUEUE_QUEUE_H

#include "call.h"

extern const struct call_entry queue_calls[];

#endif
