/* The descriptor of a queue, see queue.c. */
#ifndef KQUEUE_QUEUE_H
#define KQUEUE_QUEUE_H

#include "call.h"

extern const struct call_entry queue_calls[];

struct env_state;

/*
 * Whether `fd` still is the queue that holds `ready`: its number is known to
 * programs, which may have closed it. Switches `ready` off.
 */
bool queue_is_ours(int fd, int ready);

/* Closes the queue and disowns it: 0, or -1 with EBADF when it no longer was ours. */
int queue_close(struct env_state *state, int fd, int ready);

#endif
