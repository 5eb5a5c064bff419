/* What was written and not yet taken: see output.c. */
#ifndef KQUEUE_OUTPUT_H
#define KQUEUE_OUTPUT_H

#include "call.h"

extern const struct call_entry output_calls[];

#endif
