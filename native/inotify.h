/* Changes of files: inotify(7), see inotify.c. */
#ifndef KQUEUE_INOTIFY_H
#define KQUEUE_INOTIFY_H

#include "call.h"

extern const struct call_entry inotify_calls[];

#endif
