/*
 * A wait for a descriptor in Node's event loop: libuv's uv_poll_t, which knows the descriptors
 * of queues. See src/bsd/native.ts. The handle is freed when libuv has closed it, and what
 * JavaScript holds when it is collected; the end of the environment waits for the former.
 */
#include "call.h"

#include <stdlib.h>

#include <uv.h>

struct watch {
	napi_env env;
	/* NULL when it is closed. */
	uv_poll_t *poll;
	napi_ref callback;
	napi_async_context context;
	napi_async_cleanup_hook_handle hook;
};

static const napi_type_tag watch_tag = { 0x6d1b8f0c52e74a93, 0x8b3c0e9d7f264a15 };

static void
on_closed(uv_handle_t *handle)
{
	napi_remove_async_cleanup_hook(handle->data);
	free(handle);
}

static void
watch_close(struct watch *watch)
{
	if (watch->poll == NULL)
		return;
	watch->poll->data = watch->hook;
	uv_close((uv_handle_t *)watch->poll, on_closed);
	watch->poll = NULL;
	napi_async_destroy(watch->env, watch->context);
	napi_delete_reference(watch->env, watch->callback);
}

static void
on_end(napi_async_cleanup_hook_handle hook, void *data)
{
	(void)hook;
	watch_close(data);
}

static void
watch_free(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	watch_close(data);
	free(data);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	napi_env env = watch->env;
	napi_handle_scope scope;
	napi_value receiver, callback, argument, exception;
	bool pending = false;

	(void)events;
	if (napi_open_handle_scope(env, &scope) != napi_ok)
		return;
	/* The function may close the watch. */
	if (napi_get_global(env, &receiver) == napi_ok &&
	    napi_create_int32(env, status, &argument) == napi_ok &&
	    napi_get_reference_value(env, watch->callback, &callback) == napi_ok &&
	    napi_make_callback(env, watch->context, receiver, callback, 1, &argument, NULL) != napi_ok &&
	    napi_is_exception_pending(env, &pending) == napi_ok && pending &&
	    napi_get_and_clear_last_exception(env, &exception) == napi_ok)
		napi_fatal_exception(env, exception);
	napi_close_handle_scope(env, scope);
}

static int
watch_open(struct watch *watch, int fd, napi_value object, napi_value callback, napi_value name)
{
	uv_loop_t *loop;
	int status;

	if (napi_get_uv_event_loop(watch->env, &loop) != napi_ok ||
	    (watch->poll = malloc(uv_handle_size(UV_POLL))) == NULL)
		return -ENOMEM;
	status = uv_poll_init(loop, watch->poll, fd);
	if (status < 0) {
		free(watch->poll);
		watch->poll = NULL;
		return status;
	}
	watch->poll->data = watch;
	if (napi_create_reference(watch->env, callback, 1, &watch->callback) != napi_ok ||
	    napi_async_init(watch->env, object, name, &watch->context) != napi_ok ||
	    napi_add_async_cleanup_hook(watch->env, on_end, watch, &watch->hook) != napi_ok)
		napi_fatal_error("kqueue", NAPI_AUTO_LENGTH, "no memory for a watch", NAPI_AUTO_LENGTH);
	return 0;
}

napi_value
js_watch(napi_env env, napi_callback_info info)
{
	struct call call;
	struct watch *watch;
	napi_value object, name;
	int fd, status;

	if (!call_begin(&call, env, info) || !call_int(&call, 0, &fd) ||
	    napi_create_object(env, &object) != napi_ok ||
	    napi_create_string_utf8(env, "KqueueWatch", NAPI_AUTO_LENGTH, &name) != napi_ok)
		return NULL;
	watch = calloc(1, sizeof(*watch));
	if (watch == NULL)
		return answer(&call, -1);
	watch->env = env;
	status = watch_open(watch, fd, object, call.argv[1], name);
	if (status < 0) {
		free(watch);
		errno = -status;
		return answer(&call, -1);
	}
	if (napi_wrap(env, object, watch, watch_free, NULL, NULL) != napi_ok ||
	    napi_type_tag_object(env, object, &watch_tag) != napi_ok)
		return NULL;
	return object;
}

static bool
call_watch(struct call *call, struct watch **watch)
{
	bool is = false;
	void *data;

	if (napi_check_object_type_tag(call->env, call->argv[0], &watch_tag, &is) != napi_ok || !is ||
	    napi_unwrap(call->env, call->argv[0], &data) != napi_ok)
		return type_error(call, "a watch must be one that `watch` has answered");
	*watch = data;
	return true;
}

/* What is done to a watch, in the order of `watch_calls`. */
enum operation { START, STOP, REF, UNREF, CLOSE };

const char *const watch_calls[WATCH_CALLS] = {
	"watchStart", "watchStop", "watchRef", "watchUnref", "watchClose"
};

static int
watch_do(struct watch *watch, enum operation operation)
{
	uv_handle_t *handle = (uv_handle_t *)watch->poll;

	if (handle == NULL)
		return operation == CLOSE ? 0 : UV_EBADF;
	if (operation == START)
		return uv_poll_start(watch->poll, UV_READABLE, on_poll);
	if (operation == STOP)
		return uv_poll_stop(watch->poll);
	if (operation == REF)
		uv_ref(handle);
	else if (operation == UNREF)
		uv_unref(handle);
	else
		watch_close(watch);
	return 0;
}

napi_value
js_watch_call(napi_env env, napi_callback_info info)
{
	struct call call;
	struct watch *watch;
	void *name;
	int status;

	if (!call_begin(&call, env, info) || !call_watch(&call, &watch) ||
	    napi_get_cb_info(env, info, NULL, NULL, NULL, &name) != napi_ok)
		return NULL;
	status = watch_do(watch, (enum operation)((const char *const *)name - watch_calls));
	errno = -status;
	return answer(&call, status);
}
