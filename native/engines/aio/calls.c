/*
 * Asynchronous I/O as JavaScript calls it, see aio.c and src/linux/hub/native.ts.
 */
#include "aio.h"

#include <errno.h>

#include "engines/engines.h"

/* The bytes of a Uint8Array as it is now: none, and `gone`, when its memory was detached. */
static bool
view_bytes(struct call *call, int index, void **data, size_t *length, bool *gone)
{
	napi_typedarray_type type;
	napi_value buffer;

	if (napi_get_typedarray_info(call->env, call->argv[index], &type, length,
	    data, &buffer, NULL) != napi_ok || type != napi_uint8_array)
		return call_type_error(call, "view", "a Uint8Array");
	if (*data == NULL)
		*length = 0;
	*gone = false;
	return *length > 0 ||
	    napi_is_detached_arraybuffer(call->env, buffer, gone) == napi_ok;
}

/* What is open: NULL with the answer -EBADF where nothing is. */
static struct aio *
opened(struct call *call)
{
	struct aio_part *part = aio_part(call->state);
	struct aio *aio = part == NULL ? NULL : part->aio;

	if (aio == NULL)
		call->answer = call_number(call, part == NULL ? -ENOMEM : -EBADF);
	return aio;
}

static int
open_aio(struct call *call)
{
	struct aio_part *part = aio_part(call->state);

	errno = part == NULL ? ENOMEM : EALREADY;
	return part == NULL || part->aio != NULL ? -1 : aio_open(call->state, part);
}

static napi_value
submit(struct call *call)
{
	struct aio *aio = opened(call);
	int64_t operation, offset;
	size_t length;
	void *data;
	bool gone, now;
	int fd, handle;

	if (aio == NULL ||
	    !call_range(call, 0, "operation", AIO_READ, AIO_DSYNC, &operation) ||
	    !call_fd(call, 1, "fd", &fd) ||
	    !call_range(call, 2, "offset", 0, CALL_SAFE_INTEGER, &offset) ||
	    !view_bytes(call, 3, &data, &length, &gone) ||
	    !call_bool(call, 4, "now", &now))
		return call->answer;
	if (gone)
		return call_number(call, -EFAULT);
	handle = aio_submit(aio, (enum aio_operation)operation, fd, offset,
	    data, length);
	if (handle < 0)
		return call_result(call, handle);
	if (now)
		aio_start(aio);
	return call_number(call, handle);
}

static napi_value
start(struct call *call)
{
	struct aio *aio = opened(call);

	if (aio == NULL)
		return call->answer;
	aio_start(aio);
	return call_number(call, 0);
}

static napi_value
collect(struct call *call)
{
	struct aio *aio = opened(call);
	size_t length;
	void *handles;

	if (aio == NULL ||
	    !call_array(call, 0, "handles", napi_int32_array, 1, &handles, &length))
		return call->answer;
	return call_number(call, (double)aio_collect(aio, handles, length));
}

static napi_value
take(struct call *call)
{
	struct aio *aio = opened(call);
	size_t length;
	void *data;
	bool gone;

	if (aio == NULL || !view_bytes(call, 1, &data, &length, &gone))
		return call->answer;
	return call_number(call, aio_take(aio, call->ints[0], data, length));
}

static napi_value
cancel(struct call *call)
{
	struct aio *aio = opened(call);

	return aio == NULL ? call->answer : call_number(call, aio_cancel(aio, call->ints[0]));
}

static int
close_aio(struct call *call)
{
	struct aio_part *part = aio_part(call->state);

	errno = ENOMEM;
	return part == NULL ? -1 : aio_close(call->state, part);
}

static napi_value
kind_of(struct call *call)
{
	struct aio *aio = opened(call);

	if (aio == NULL)
		return call->answer;
	return call_number(call, aio->backend == &aio_uring ? AIO_URING : AIO_THREADS);
}

static napi_value
prefer(struct call *call)
{
	struct aio_part *part = aio_part(call->state);
	int64_t kind, room;

	if (part == NULL)
		return call_number(call, -ENOMEM);
	if (!call_range(call, 0, "kind", AIO_ANY, AIO_THREADS, &kind) ||
	    !call_range(call, 1, "room", 0, 4096, &room))
		return call->answer;
	part->preferred = (enum aio_kind)kind;
	part->room = (unsigned int)room;
	return call_number(call, 0);
}

const struct call_entry aio_calls[] = {
	CALL_RESULT("aioOpen", open_aio, NULL),
	CALL_ANSWER("aioSubmit", submit, NULL),
	CALL_ANSWER("aioStart", start, NULL),
	CALL_ANSWER("aioCollect", collect, NULL),
	CALL_ANSWER("aioTake", take, "handle"),
	CALL_ANSWER("aioCancel", cancel, "handle"),
	CALL_RESULT("aioClose", close_aio, NULL),
	CALL_ANSWER("aioKind", kind_of, NULL),
	CALL_ANSWER("aioPrefer", prefer, NULL),
	CALL_NUMBER(AIO_READ),
	CALL_NUMBER(AIO_WRITE),
	CALL_NUMBER(AIO_SYNC),
	CALL_NUMBER(AIO_DSYNC),
	CALL_NUMBER(AIO_URING),
	CALL_NUMBER(AIO_THREADS),
	CALL_NUMBER(AIO_CANCELED),
	CALL_NUMBER(AIO_NOTCANCELED),
	CALL_NUMBER(AIO_ALLDONE),
	CALL_END,
};
