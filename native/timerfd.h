/* Timers: timerfd_create(2), see timerfd.c. */
#ifndef KQUEUE_TIMERFD_H
#define KQUEUE_TIMERFD_H

#include "call.h"

extern const struct call_entry timerfd_calls[];

#endif
