/*
 * The system calls that tests need and Node lacks, for posix.ts.
 *
 * A call answers its result or throws an Error with `code`, `errno` and
 * `syscall` as Node's own do. Arguments are those of posix.ts, which checks
 * them with the compiler; here a wrong one throws a TypeError.
 */
#ifndef POSIX_H
#define POSIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <node_api.h>

#define POSIX_ARGUMENTS 5
#define POSIX_STRING 4096

struct posix_call {
	napi_env env;
	const char *name;
	napi_value argv[POSIX_ARGUMENTS];
};

struct posix_entry {
	const char *name;
	napi_callback callback;
};

struct posix_constant {
	const char *name;
	double value;
};

extern const struct posix_entry posix_file[];
extern const struct posix_entry posix_process[];
extern const struct posix_entry posix_signal[];
extern const struct posix_entry posix_socket[];
extern const struct posix_entry posix_system[];
extern const struct posix_constant posix_constants[];

/* Defines a call from JavaScript, which has `call` in its block. */
#define POSIX_CALL(function) \
	static napi_value function##_with(struct posix_call *call); \
	static napi_value function(napi_env env, napi_callback_info info) \
	{ \
		struct posix_call call; \
		return posix_begin(&call, env, info) ? function##_with(&call) : NULL; \
	} \
	static napi_value function##_with(struct posix_call *call)

bool posix_begin(struct posix_call *call, napi_env env, napi_callback_info info);
bool posix_int(struct posix_call *call, int index, int *value);
bool posix_double(struct posix_call *call, int index, double *value);
bool posix_string(struct posix_call *call, int index, char text[POSIX_STRING]);
bool posix_bytes(struct posix_call *call, int index, void **data, size_t *length);

/* `result`, or throws errno when it is negative. */
napi_value posix_result(struct posix_call *call, int64_t result);
/* A pair [a, b], or throws errno when `result` is negative. */
napi_value posix_pair(struct posix_call *call, int result, const int pair[2]);
/* The first `length` bytes of `data` as a Uint8Array, or throws errno when that is negative. */
napi_value posix_data(struct posix_call *call, int64_t length, const void *data);

#endif
