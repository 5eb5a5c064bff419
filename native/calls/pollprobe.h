/* Whether the poll of a file waits for anything, see pollprobe.c. */
#ifndef KQUEUE_POLLPROBE_H
#define KQUEUE_POLLPROBE_H

#include "glue/call.h"
#include "glue/env.h"

/* The end of an environment. */
void pollprobe_end(struct env_state *state);

#endif
