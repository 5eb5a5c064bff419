/*
 * The tables of functions in this folder: what goes on between two calls, in a handler, in
 * a thread, in the kernel or in libuv, and so cannot be JavaScript.
 */
#ifndef KQUEUE_ENGINES_H
#define KQUEUE_ENGINES_H

#include "glue/call.h"

extern const struct call_entry aio_calls[];
extern const struct call_entry connector_calls[];
extern const struct call_entry idle_calls[];
extern const struct call_entry loop_calls[];
extern const struct call_entry signal_calls[];

#endif
