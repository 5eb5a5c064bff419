/* What a descriptor names, and its end: fstat(2), close(2), see file.c. */
#ifndef KQUEUE_FILE_H
#define KQUEUE_FILE_H

#include "call.h"

extern const struct call_entry file_calls[];

#endif
