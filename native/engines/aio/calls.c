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

static bool
begin_with_part(struct call *call, napi_env env, napi_callback_info info, struct aio_part **part)
{
	if (!call_begin(call, env, info))
		return false;
	*part = aio_part(call->state);
	if (*part == NULL)
		call->answer = call_number(call, -ENOMEM);
	return *part != NULL;
}

/* Begins a call that needs the I/O to be open: false with the answer -EBADF where it is not. */
static bool
begin(struct call *call, napi_env env, napi_callback_info info, struct aio **aio)
{
	struct aio_part *part;

	if (!begin_with_part(call, env, info, &part))
		return false;
	*aio = part->aio;
	if (*aio == NULL)
		call->answer = call_number(call, -EBADF);
	return *aio != NULL;
}

static napi_value
js_aio_open(napi_env env, napi_callback_info info)
{
	struct call call;
	struct aio_part *part;

	if (!begin_with_part(&call, env, info, &part))
		return call.answer;
	if (part->aio != NULL)
		return call_number(&call, -EALREADY);
	return call_result(&call, aio_open(call.state, part));
}

static napi_value
js_aio_submit(napi_env env, napi_callback_info info)
{
	struct call call;
	struct aio *aio;
	int64_t operation, offset;
	size_t length;
	void *data;
	bool gone, now;
	int fd, handle;

	if (!begin(&call, env, info, &aio) ||
	    !call_range(&call, 0, "operation", AIO_READ, AIO_DSYNC, &operation) ||
	    !call_fd(&call, 1, "fd", &fd) ||
	    !call_range(&call, 2, "offset", 0, CALL_SAFE_INTEGER, &offset) ||
	    !view_bytes(&call, 3, &data, &length, &gone) ||
	    !call_bool(&call, 4, "now", &now))
		return call.answer;
	if (gone)
		return call_number(&call, -EFAULT);
	handle = aio_submit(aio, (enum aio_operation)operation, fd, offset,
	    data, length);
	if (handle < 0)
		return call_result(&call, handle);
	if (now)
		aio_start(aio);
	return call_number(&call, handle);
}

static napi_value
js_aio_start(napi_env env, napi_callback_info info)
{
	struct call call;
	struct aio *aio;

	if (!begin(&call, env, info, &aio))
		return call.answer;
	aio_start(aio);
	return call_number(&call, 0);
}

static napi_value
js_aio_collect(napi_env env, napi_callback_info info)
{
	struct call call;
	struct aio *aio;
	size_t length;
	void *handles;

	if (!begin(&call, env, info, &aio) ||
	    !call_array(&call, 0, "handles", napi_int32_array, 1, &handles, &length))
		return call.answer;
	return call_number(&call, (double)aio_collect(aio, handles, length));
}

static napi_value
js_aio_take(napi_env env, napi_callback_info info)
{
	struct call call;
	struct aio *aio;
	size_t length;
	void *data;
	bool gone;
	int handle;

	if (!begin(&call, env, info, &aio) ||
	    !call_fd(&call, 0, "handle", &handle) ||
	    !view_bytes(&call, 1, &data, &length, &gone))
		return call.answer;
	return call_number(&call, aio_take(aio, handle, data, length));
}

static napi_value
js_aio_cancel(napi_env env, napi_callback_info info)
{
	struct call call;
	struct aio *aio;
	int handle;

	if (!begin(&call, env, info, &aio) ||
	    !call_fd(&call, 0, "handle", &handle))
		return call.answer;
	return call_number(&call, aio_cancel(aio, handle));
}

static napi_value
js_aio_close(napi_env env, napi_callback_info info)
{
	struct call call;
	struct aio_part *part;

	if (!begin_with_part(&call, env, info, &part))
		return call.answer;
	return call_result(&call, aio_close(call.state, part));
}

static napi_value
js_aio_kind(napi_env env, napi_callback_info info)
{
	struct call call;
	struct aio *aio;

	if (!begin(&call, env, info, &aio))
		return call.answer;
	return call_number(&call, aio_kind(aio));
}

static napi_value
js_aio_prefer(napi_env env, napi_callback_info info)
{
	struct call call;
	struct aio_part *part;
	int64_t kind, room;

	if (!begin_with_part(&call, env, info, &part) ||
	    !call_range(&call, 0, "kind", AIO_ANY, AIO_THREADS, &kind) ||
	    !call_range(&call, 1, "room", 0, 4096, &room))
		return call.answer;
	part->preferred = (enum aio_kind)kind;
	part->room = (unsigned int)room;
	return call_undefined(&call);
}

const struct call_entry aio_calls[] = {
	CALL_FUNCTION("aioOpen", js_aio_open),
	CALL_FUNCTION("aioSubmit", js_aio_submit),
	CALL_FUNCTION("aioStart", js_aio_start),
	CALL_FUNCTION("aioCollect", js_aio_collect),
	CALL_FUNCTION("aioTake", js_aio_take),
	CALL_FUNCTION("aioCancel", js_aio_cancel),
	CALL_FUNCTION("aioClose", js_aio_close),
	CALL_FUNCTION("aioKind", js_aio_kind),
	CALL_FUNCTION("aioPrefer", js_aio_prefer),
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
