/* The accept queue of a Unix domain socket: sock_diag(7), see sockdiag.c. */
#ifndef KQUEUE_SOCKDIAG_H
#define KQUEUE_SOCKDIAG_H

#include "glue/env.h"

/* Connections that wait on the listening Unix domain socket `fd`; -1 when the kernel won't say. */
int sockdiag_unix_pending(struct env_state *state, int fd);

#endif
