/*
 * Watches in the event loop as JavaScript calls them, and what it asks of the loop, see
 * watch.c and src/linux/hub/native.ts.
 */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engines/engines.h"

static const napi_type_tag watch_tag = { 0x9c1f5e0b7a2d4386, 0xb04e6a91d85c27f3 };

/*
 * A running watch is not collected, and the end of the environment stops what runs before it
 * finalizes what is left; but Deno finalizes first.
 */
static void
watch_free(napi_env env, void *data, void *hint)
{
	struct loop_watch *watch = data;

	(void)hint;
	watch_end(watch);
	if (watch->context != NULL)
		napi_async_destroy(env, watch->context);
	if (watch->callback != NULL)
		napi_delete_reference(env, watch->callback);
	if (watch->self != NULL)
		napi_delete_reference(env, watch->self);
	free(watch);
}

static bool
watch_attach(struct call *call, struct loop_watch *watch, napi_value object)
{
	napi_value name;

	if (napi_wrap(call->env, object, watch, watch_free, NULL, NULL) != napi_ok) {
		free(watch);
		return false;
	}
	return napi_type_tag_object(call->env, object, &watch_tag) == napi_ok &&
	    napi_create_reference(call->env, object, 0, &watch->self) == napi_ok &&
	    napi_create_reference(call->env, call->argv[1], 1, &watch->callback) == napi_ok &&
	    napi_create_string_utf8(call->env, "KqueueLoopWatch", NAPI_AUTO_LENGTH, &name) == napi_ok &&
	    napi_async_init(call->env, object, name, &watch->context) == napi_ok;
}

static napi_value
js_loop_watch(napi_env env, napi_callback_info info)
{
	struct call call;
	struct loop *loop;
	struct loop_watch *watch;
	napi_value object;
	int fd;

	if (!call_begin(&call, env, info) ||
	    !call_fd(&call, 0, "fd", &fd) ||
	    !call_function(&call, 1, "callback"))
		return call.answer;
	loop = env_part(call.state, &loop_kind);
	watch = loop == NULL ? NULL : calloc(1, sizeof(*watch));
	if (watch == NULL)
		return call_number(&call, -ENOMEM);
	loop->state = call.state;
	watch->loop = loop;
	watch->fd = fd;
	watch->referenced = true;
	if (napi_create_object(env, &object) != napi_ok) {
		free(watch);
		return NULL;
	}
	return watch_attach(&call, watch, object) ? object : NULL;
}

/* The watch that is the only argument, or NULL after a TypeError. */
static struct loop_watch *
begin_with_watch(struct call *call, napi_env env, napi_callback_info info)
{
	void *watch = NULL;
	napi_valuetype type;
	bool tagged = false;

	if (!call_begin(call, env, info))
		return NULL;
	/* Asking null for its tag would throw an error of another wording. */
	if (napi_typeof(env, call->argv[0], &type) != napi_ok || type != napi_object ||
	    napi_check_object_type_tag(env, call->argv[0], &watch_tag, &tagged) != napi_ok ||
	    !tagged || napi_unwrap(env, call->argv[0], &watch) != napi_ok) {
		call_type_error(call, "watch", "a LoopWatch");
		return NULL;
	}
	return watch;
}

static napi_value
js_loop_start(napi_env env, napi_callback_info info)
{
	struct call call;
	struct loop_watch *watch = begin_with_watch(&call, env, info);

	if (watch == NULL)
		return NULL;
	return call_number(&call, watch_start(watch));
}

static napi_value
js_loop_allows(napi_env env, napi_callback_info info)
{
	struct call call;
	int fd;

	if (!call_begin(&call, env, info) ||
	    !call_fd(&call, 0, "fd", &fd))
		return call.answer;
	return call_number(&call, libuv_here() ? poll_allows(env, fd) : 0);
}

static napi_value
js_loop_probe(napi_env env, napi_callback_info info)
{
	struct call call;
	int64_t levels;
	int fd;

	if (!call_begin(&call, env, info) ||
	    !call_fd(&call, 0, "fd", &fd) ||
	    !call_range(&call, 1, "levels", 1, 4, &levels))
		return call.answer;
	return call_number(&call, libuv_here() ? poll_probe(env, fd, (int)levels) : 0);
}

static napi_value
js_loop_stop(napi_env env, napi_callback_info info)
{
	struct call call;
	struct loop_watch *watch = begin_with_watch(&call, env, info);

	if (watch == NULL)
		return NULL;
	watch_stop(watch);
	return call_undefined(&call);
}

static napi_value
js_loop_ref(napi_env env, napi_callback_info info)
{
	struct call call;
	struct loop_watch *watch = begin_with_watch(&call, env, info);

	if (watch == NULL)
		return NULL;
	watch_refer(watch, true);
	return call_undefined(&call);
}

static napi_value
js_loop_unref(napi_env env, napi_callback_info info)
{
	struct call call;
	struct loop_watch *watch = begin_with_watch(&call, env, info);

	if (watch == NULL)
		return NULL;
	watch_refer(watch, false);
	return call_undefined(&call);
}

static napi_value
js_signal_pending(napi_env env, napi_callback_info info)
{
	struct call call;

	if (!call_begin(&call, env, info))
		return call.answer;
	if (!libuv_here())
		return call_number(&call, -ENOSYS);
	return call_number(&call, poll_signal_pending(env) ? 1 : 0);
}

static napi_value
js_libuv_here(napi_env env, napi_callback_info info)
{
	struct call call;

	if (!call_begin(&call, env, info))
		return call.answer;
	return call_number(&call, libuv_here() ? 1 : 0);
}

static napi_value
js_thread_is_first(napi_env env, napi_callback_info info)
{
	struct call call;

	if (!call_begin(&call, env, info))
		return call.answer;
	return call_number(&call, syscall(SYS_gettid) == getpid() ? 1 : 0);
}

const struct call_entry loop_calls[] = {
	CALL_FUNCTION("libuvHere", js_libuv_here),
	CALL_FUNCTION("threadIsFirst", js_thread_is_first),
	CALL_FUNCTION("signalPending", js_signal_pending),
	CALL_FUNCTION("loopWatch", js_loop_watch),
	CALL_FUNCTION("loopStart", js_loop_start),
	CALL_FUNCTION("loopAllows", js_loop_allows),
	CALL_FUNCTION("loopProbe", js_loop_probe),
	CALL_FUNCTION("loopStop", js_loop_stop),
	CALL_FUNCTION("loopRef", js_loop_ref),
	CALL_FUNCTION("loopUnref", js_loop_unref),
	CALL_END,
};
