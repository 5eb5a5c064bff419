/* Watches in Node's event loop: uv_poll_t, see loop.c. */
#ifndef KQUEUE_LOOP_H
#define KQUEUE_LOOP_H

#include "glue/call.h"

/* Stops the watches of a descriptor that is about to be closed. */
void loop_close_fd(struct env_state *state, int fd);

/* Closes the handles of all running watches, as their environment ends. */
void loop_close_all(struct env_state *state);

#endif
