/* Interest sets and the wait: epoll(7), see epoll.c. */
#ifndef KQUEUE_EPOLL_H
#define KQUEUE_EPOLL_H

#include "call.h"

extern const struct call_entry epoll_calls[];

#endif
