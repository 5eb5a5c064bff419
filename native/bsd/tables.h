/* What there is in the system now, for JavaScript: rows of a number, a flag and strings. */
#ifndef KQUEUE_TABLES_H
#define KQUEUE_TABLES_H

#include <node_api.h>

struct table_call {
	const char *name;
	/* Appends the rows to an array: 0, or -1 with errno. */
	int (*function)(napi_env env, napi_value rows);
};

/* Ends with a NULL name. */
extern const struct table_call table_calls[];

#endif
