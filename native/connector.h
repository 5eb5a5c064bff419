/*
 * The process connector, see connector.c: one socket for the whole process, which
 * every environment may listen to.
 */
#ifndef KQUEUE_CONNECTOR_H
#define KQUEUE_CONNECTOR_H

#include "call.h"

struct env_state;

extern const struct call_entry connector_calls[];

/* The environment listens no more. */
void connector_leave(struct env_state *state);

#endif
