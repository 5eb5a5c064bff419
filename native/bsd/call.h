/* The JavaScript side of one call, arguments and answers, and what is in other files. */
#ifndef KQUEUE_CALL_H
#define KQUEUE_CALL_H

#include <errno.h>
#include <stdbool.h>

#include <node_api.h>

#define ARGUMENTS 5

struct call {
	napi_env env;
	napi_value argv[ARGUMENTS];
};

static inline bool
call_begin(struct call *call, napi_env env, napi_callback_info info)
{
	size_t argc = ARGUMENTS;

	call->env = env;
	return napi_get_cb_info(env, info, &argc, call->argv, NULL, NULL) == napi_ok;
}

static inline bool
type_error(struct call *call, const char *expected)
{
	napi_throw_type_error(call->env, "ERR_INVALID_ARG_TYPE", expected);
	return false;
}

static inline bool
call_int(struct call *call, int index, int *value)
{
	return napi_get_value_int32(call->env, call->argv[index], value) == napi_ok ||
	    type_error(call, "an argument must be a number");
}

static inline napi_value
answer(struct call *call, int result)
{
	napi_value value = NULL;

	napi_create_int32(call->env, result < 0 ? -errno : result, &value);
	return value;
}

/* What there is in the system now, see tables.c: rows of a number, a flag and strings. */
struct table_call {
	const char *name;
	/* Appends the rows to an array: 0, or -1 with errno. */
	int (*function)(napi_env env, napi_value rows);
};

/* Ends with a NULL name. */
extern const struct table_call table_calls[];

/* Watches of descriptors in the event loop, see watch.c, and what can be done to one. */
#define WATCH_CALLS 5
extern const char *const watch_calls[WATCH_CALLS];

napi_value js_watch(napi_env env, napi_callback_info info);
/* One of `watch_calls`; its data is the place there. */
napi_value js_watch_call(napi_env env, napi_callback_info info);

#endif
