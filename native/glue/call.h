/*
 * The JavaScript side of one call: fetches and checks arguments, makes answers.
 *
 * A callback opens with `call_begin`, asks a getter for each argument, and
 * returns `call.answer` as soon as one says false: a TypeError has been thrown
 * for a wrong type, or the answer is -EINVAL for a number out of range.
 */
#ifndef KQUEUE_CALL_H
#define KQUEUE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <node_api.h>

#define CALL_ARGUMENTS 5

/* The largest whole number that JavaScript can count to. */
#define CALL_SAFE_INTEGER INT64_C(9007199254740991)

struct env_state;

struct call {
	napi_env env;
	struct env_state *state;
	const struct call_entry *entry;
	napi_value argv[CALL_ARGUMENTS];
	napi_value answer;
};

/* A function of the addon, or a number that its callers need; a table ends with CALL_END. */
struct call_entry {
	const char *name;
	/* NULL for a number. */
	napi_callback callback;
	int64_t number;
	/* Of one that asks something of a descriptor: a result, or -1 with errno. */
	int (*of_fd)(int fd);
};

#define CALL_FUNCTION(name, callback) { name, callback, 0, NULL }
#define CALL_OF_FD(name, function) { name, call_of_fd, 0, function }
#define CALL_NUMBER(name) { #name, NULL, name, NULL }
#define CALL_END { NULL, NULL, 0, NULL }

bool call_begin(struct call *call, napi_env env, napi_callback_info info);
/* The same for a call whose arguments are on the board, see env.h; -EINVAL without one. */
bool call_board(struct call *call, napi_env env, napi_callback_info info);

bool call_range(struct call *call, int index, const char *name,
    int64_t low, int64_t high, int64_t *value);
/* Any int32: that a number is no descriptor is for the kernel to say. */
bool call_fd(struct call *call, int index, const char *name, int *fd);
/* 32 bits, which JavaScript may hold signed or unsigned. */
bool call_bits(struct call *call, int index, const char *name, uint32_t *bits);
/* The arguments `index` and `index + 1`: seconds from `low` on, and nanoseconds. */
bool call_duration(struct call *call, int index, int64_t low,
    int64_t *sec, int64_t *nsec);
bool call_bool(struct call *call, int index, const char *name, bool *value);
bool call_function(struct call *call, int index, const char *name);
/*
 * A typed array of that element type with at least `least` elements. Good until
 * JavaScript runs again.
 */
bool call_array(struct call *call, int index, const char *name,
    napi_typedarray_type type, size_t least, void **data, size_t *length);

/* Throws "function: name must be expected"; always false. */
bool call_type_error(struct call *call, const char *name, const char *expected);

/* The callback of `CALL_OF_FD`. */
napi_value call_of_fd(napi_env env, napi_callback_info info);

napi_value call_number(struct call *call, double value);
/* `result` if it is not negative, else -errno. */
napi_value call_result(struct call *call, int result);
napi_value call_undefined(struct call *call);

#endif
