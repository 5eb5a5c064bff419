/*
 * The JavaScript side of one call: fetches and checks arguments, makes answers.
 *
 * A function asks a getter for each argument that is not in `ints`, and returns
 * `call->answer` as soon as one says false: a TypeError has been thrown for a wrong
 * type, or the answer is -EINVAL for a number out of range.
 */
#ifndef KQUEUE_CALL_H
#define KQUEUE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <node_api.h>

#include "env.h"

#define CALL_ARGUMENTS 5
#define CALL_INTS 2

/* The largest whole number that JavaScript can count to. */
#define CALL_SAFE_INTEGER INT64_C(9007199254740991)

struct call {
	napi_env env;
	struct env_state *state;
	const struct call_entry *entry;
	napi_value argv[CALL_ARGUMENTS];
	/* The first of them, as far as the entry names them. */
	int ints[CALL_INTS];
	napi_value answer;
};

/* A function of the addon, or a number that its callers need; a table ends with CALL_END. */
struct call_entry {
	const char *name;
	/* NULL for a number. */
	napi_callback callback;
	int64_t number;
	/* What `call_enter` calls: a result, or -1 with errno; or what makes an answer. */
	int (*result)(struct call *call);
	napi_value (*answer)(struct call *call);
	/* The names of the first arguments that are descriptors, or other numbers of 32 bits. */
	const char *ints[CALL_INTS];
};

/* The names of the first arguments come last: NULL for none. */
#define CALL_RESULT(name, function, ...) \
	{ name, call_enter, 0, function, NULL, { __VA_ARGS__ } }
#define CALL_ANSWER(name, function, ...) \
	{ name, call_enter, 0, NULL, function, { __VA_ARGS__ } }
#define CALL_BOARD(name, callback) { name, callback, 0, NULL, NULL, { NULL } }
#define CALL_NUMBER(name) { #name, NULL, name, NULL, NULL, { NULL } }
#define CALL_END { NULL, NULL, 0, NULL, NULL, { NULL } }

/* The callback of all functions but those whose arguments are on the board. */
napi_value call_enter(napi_env env, napi_callback_info info);
/* Begins a call whose arguments are on the board, see env.h; -EINVAL without one. */
bool call_board(struct call *call, napi_env env, napi_callback_info info);

bool call_range(struct call *call, int index, const char *name,
    int64_t low, int64_t high, int64_t *value);
/* Any int32: that a number is no descriptor is for the kernel to say. */
bool call_fd(struct call *call, int index, const char *name, int *fd);
bool call_bool(struct call *call, int index, const char *name, bool *value);
/*
 * A typed array of that element type with at least `least` elements. Good until
 * JavaScript runs again.
 */
bool call_array(struct call *call, int index, const char *name,
    napi_typedarray_type type, size_t least, void **data, size_t *length);

/* Throws "function: name must be expected"; always false. */
bool call_type_error(struct call *call, const char *name, const char *expected);

napi_value call_number(struct call *call, double value);
/* `result` if it is not negative, else -errno. */
napi_value call_result(struct call *call, int result);

#endif
