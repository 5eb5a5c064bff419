/*
 * Counting signals for every environment of the process. The counts and the
 * handler are the process's; each environment that watches has an eventfd, which
 * becomes readable when a signal that it watches was delivered to any thread.
 */
#ifndef KQUEUE_SIGNAL_H
#define KQUEUE_SIGNAL_H

#include "call.h"

/* One more than the highest signal of Linux. */
#define SIGNAL_END 65

struct env_state;

/* A delivery: counts it and wakes who watches. Async-signal-safe. */
void signal_arrived(int number);

/* The environment ends: gives back what it watches. */
void signal_end(struct env_state *state);

extern const struct call_entry signal_calls[];

#endif
