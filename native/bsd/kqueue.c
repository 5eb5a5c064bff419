/*
 * The addon where the kernel has a kqueue of its own, macOS and the BSDs: kqueue(2) and
 * kevent(2) themselves, a wait for a queue's descriptor in Node's event loop, and the few
 * calls that Node.js lacks. It decides nothing and translates nothing but the widths of
 * fields: numbers are those of the system, and errors are -errno.
 *
 * Its one user is src/bsd/native.ts, which says what each function takes and answers.
 */
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"

/* What JavaScript and this file take for granted of a machine. */
_Static_assert(sizeof(void *) == 8 && sizeof(((struct kevent *)0)->ident) == 8, "64 bits");
_Static_assert(sizeof(((struct kevent *)0)->data) == 8, "64 bits for data");
_Static_assert(sizeof(((struct kevent *)0)->udata) == 8, "64 bits for udata");
_Static_assert(sizeof(((struct kevent *)0)->fflags) == 4, "32 bits for fflags");

/* A kevent as JavaScript has it: doubles, which hold all its whole numbers. */
enum record { IDENT, FILTER, FLAGS, FFLAGS, DATA, UDATA, RECORD };

/* Events that need no memory of their own. */
#define FEW 64

/* A Float64Array with room for `least` records. Good until JavaScript runs again. */
static bool
call_records(struct call *call, int index, size_t least, double **records)
{
	napi_typedarray_type type;
	size_t length = 0;
	bool is = false;
	void *data = NULL;

	if (napi_is_typedarray(call->env, call->argv[index], &is) != napi_ok || !is ||
	    napi_get_typedarray_info(call->env, call->argv[index], &type, &length, &data,
	        NULL, NULL) != napi_ok ||
	    type != napi_float64_array || length / RECORD < least)
		return type_error(call, "records must be a Float64Array with room");
	*records = data;
	return true;
}

/* Queues */

static int64_t
whole(double value)
{
	/* The one number that JavaScript allows and 64 bits do not hold. */
	return value >= 9223372036854775808.0 ? INT64_MAX : (int64_t)value;
}

static void
fill_kevent(struct kevent *kev, const double *record)
{
	memset(kev, 0, sizeof(*kev));
	kev->ident = (uintptr_t)(int64_t)record[IDENT];
	kev->filter = (int16_t)record[FILTER];
	kev->flags = (uint16_t)record[FLAGS];
	kev->fflags = (uint32_t)record[FFLAGS];
	kev->data = whole(record[DATA]);
	/* A number of JavaScript's, no address. */
	kev->udata = (void *)(uintptr_t)record[UDATA];
}

static void
fill_record(double *record, const struct kevent *kev)
{
	record[IDENT] = (double)(int64_t)kev->ident;
	record[FILTER] = (double)(int32_t)kev->filter;
	record[FLAGS] = (double)kev->flags;
	record[FFLAGS] = (double)(uint32_t)kev->fflags;
	record[DATA] = (double)(int64_t)kev->data;
	record[UDATA] = (double)(uintptr_t)kev->udata;
}

static napi_value
js_kqueue(napi_env env, napi_callback_info info)
{
	struct call call;
	int kq;

	if (!call_begin(&call, env, info))
		return NULL;
	/* A child of fork(2) has no queues, so nothing executes another program in between. */
	kq = kqueue();
	if (kq >= 0)
		(void)fcntl(kq, F_SETFD, FD_CLOEXEC);
	return answer(&call, kq);
}

static napi_value
js_change(napi_env env, napi_callback_info info)
{
	struct call call;
	struct kevent kev;
	double *records;
	int kq;

	if (!call_begin(&call, env, info) || !call_int(&call, 0, &kq) ||
	    !call_records(&call, 1, 1, &records))
		return NULL;
	fill_kevent(&kev, records);
	return answer(&call, kevent(kq, &kev, 1, NULL, 0, NULL));
}

static int
collect(int kq, double *records, int max, int sec, int nsec)
{
	struct timespec timeout = { .tv_sec = sec, .tv_nsec = nsec };
	struct kevent few[FEW];
	struct kevent *events = few;
	int count, error;

	if (max > FEW && (events = calloc((size_t)max, sizeof(*events))) == NULL)
		return -1;
	count = kevent(kq, NULL, 0, events, max, sec < 0 ? NULL : &timeout);
	error = errno;
	for (int i = 0; i < count; i++)
		fill_record(records + (size_t)i * RECORD, &events[i]);
	if (events != few)
		free(events);
	errno = error;
	return count;
}

static napi_value
js_collect(napi_env env, napi_callback_info info)
{
	struct call call;
	double *records;
	int kq, max, sec, nsec;

	if (!call_begin(&call, env, info) || !call_int(&call, 0, &kq) ||
	    !call_int(&call, 2, &max) || !call_int(&call, 3, &sec) || !call_int(&call, 4, &nsec) ||
	    !call_records(&call, 1, max < 0 ? SIZE_MAX : (size_t)max, &records))
		return NULL;
	return answer(&call, collect(kq, records, max, sec, nsec));
}

static napi_value
js_close(napi_env env, napi_callback_info info)
{
	struct call call;
	int fd;

	return call_begin(&call, env, info) && call_int(&call, 0, &fd) ? answer(&call, close(fd)) : NULL;
}

static napi_value
js_dup(napi_env env, napi_callback_info info)
{
	struct call call;
	int fd;

	return call_begin(&call, env, info) && call_int(&call, 0, &fd)
	    ? answer(&call, fcntl(fd, F_DUPFD_CLOEXEC, 3)) : NULL;
}

/* Rows of what there is, or -errno, see tables.c. */
static napi_value
js_table(napi_env env, napi_callback_info info)
{
	struct call call;
	napi_value rows;
	void *fill;

	if (!call_begin(&call, env, info) || napi_create_array(env, &rows) != napi_ok ||
	    napi_get_cb_info(env, info, NULL, NULL, NULL, &fill) != napi_ok)
		return NULL;
	return ((const struct table_call *)fill)->function(env, rows) < 0 ? answer(&call, -1) : rows;
}

static bool
export(napi_env env, napi_value exports, const char *name, napi_callback callback,
    const void *data)
{
	napi_value function;

	return napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, (void *)data,
	           &function) == napi_ok &&
	    napi_set_named_property(env, exports, name, function) == napi_ok;
}

NAPI_MODULE_INIT()
{
	bool good = export(env, exports, "kqueue", js_kqueue, NULL) &&
	    export(env, exports, "change", js_change, NULL) &&
	    export(env, exports, "collect", js_collect, NULL) &&
	    export(env, exports, "close", js_close, NULL) &&
	    export(env, exports, "dup", js_dup, NULL) &&
	    export(env, exports, "watch", js_watch, NULL);

	for (const struct table_call *table = table_calls; table->name != NULL; table++)
		good = good && export(env, exports, table->name, js_table, table);
	for (int i = 0; i < WATCH_CALLS; i++)
		good = good && export(env, exports, watch_calls[i], js_watch_call, &watch_calls[i]);
	return good ? exports : NULL;
}
