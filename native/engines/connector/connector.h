/*
 * The process connector, see connector.c: one socket for the whole process, which
 * every environment may listen to.
 */
#ifndef KQUEUE_CONNECTOR_H
#define KQUEUE_CONNECTOR_H

#include "glue/call.h"

struct env_state;

/* The environment listens no more. */
void connector_leave(struct env_state *state);

#endif
