/* Network interfaces and their links: rtnetlink(7), see link.c. */
#ifndef KQUEUE_LINK_H
#define KQUEUE_LINK_H

#include "call.h"

extern const struct call_entry link_calls[];

#endif
