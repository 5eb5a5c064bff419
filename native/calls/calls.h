/*
 * The tables of functions in this folder: a system call each, or a small group of them,
 * with nothing that goes on when a call has returned.
 */
#ifndef KQUEUE_CALLS_H
#define KQUEUE_CALLS_H

#include "glue/call.h"

extern const struct call_entry clock_calls[];
extern const struct call_entry epoll_calls[];
extern const struct call_entry file_calls[];
extern const struct call_entry handover_calls[];
extern const struct call_entry inotify_calls[];
extern const struct call_entry level_calls[];
extern const struct call_entry link_calls[];
extern const struct call_entry mounts_calls[];
extern const struct call_entry output_calls[];
extern const struct call_entry pidfd_calls[];
extern const struct call_entry pollprobe_calls[];
extern const struct call_entry queue_calls[];
extern const struct call_entry tree_calls[];

/* Sets the zero of the monotonic clock, once a process. */
void clock_begin(void);

#endif
