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
loop_watch(struct call *call)
{
	struct loop *loop;
	struct loop_watch *watch;
	napi_value object;
	napi_valuetype type;

	if (napi_typeof(call->env, call->argv[1], &type) != napi_ok || type != napi_function) {
		call_type_error(call, "callback", "a function");
		return NULL;
	}
	loop = env_part(call->state, &loop_kind);
	watch = loop == NULL ? NULL : calloc(1, sizeof(*watch));
	if (watch == NULL)
		return call_number(call, -ENOMEM);
	loop->state = call->state;
	watch->loop = loop;
	watch->fd = call->ints[0];
	watch->referenced = true;
	if (napi_create_object(call->env, &object) != napi_ok) {
		free(watch);
		return NULL;
	}
	return watch_attach(call, watch, object) ? object : NULL;
}

/* The watch that is the only argument, or NULL after a TypeError. */
static struct loop_watch *
watch_of(struct call *call)
{
	void *watch = NULL;
	napi_valuetype type;
	bool tagged = false;

	/* Asking null for its tag would throw an error of another wording. */
	if (napi_typeof(call->env, call->argv[0], &type) != napi_ok || type != napi_object ||
	    napi_check_object_type_tag(call->env, call->argv[0], &watch_tag, &tagged) != napi_ok ||
	    !tagged || napi_unwrap(call->env, call->argv[0], &watch) != napi_ok) {
		call_type_error(call, "watch", "a LoopWatch");
		return NULL;
	}
	return watch;
}

static napi_value
loop_start(struct call *call)
{
	struct loop_watch *watch = watch_of(call);

	return watch == NULL ? NULL : call_number(call, watch_start(watch));
}

static napi_value
loop_allows(struct call *call)
{
	return call_number(call, libuv_here() ? poll_allows(call->env, call->ints[0]) : 0);
}

static napi_value
loop_probe(struct call *call)
{
	int64_t levels;

	if (!call_range(call, 1, "levels", 1, 4, &levels))
		return call->answer;
	return call_number(call, libuv_here() ? poll_probe(call->env, call->ints[0], (int)levels) : 0);
}

/* What they answer after a TypeError is not looked at. */

static int
loop_stop(struct call *call)
{
	struct loop_watch *watch = watch_of(call);

	if (watch != NULL)
		watch_stop(watch);
	return 0;
}

static int
loop_ref(struct call *call)
{
	struct loop_watch *watch = watch_of(call);

	if (watch != NULL)
		watch_refer(watch, true);
	return 0;
}

static int
loop_unref(struct call *call)
{
	struct loop_watch *watch = watch_of(call);

	if (watch != NULL)
		watch_refer(watch, false);
	return 0;
}

static int
signal_pending(struct call *call)
{
	errno = ENOSYS;
	return libuv_here() ? poll_signal_pending(call->env) : -1;
}

static int
has_libuv(struct call *call)
{
	(void)call;
	return libuv_here();
}

static int
thread_is_first(struct call *call)
{
	(void)call;
	return syscall(SYS_gettid) == getpid();
}

const struct call_entry loop_calls[] = {
	CALL_RESULT("libuvHere", has_libuv, NULL),
	CALL_RESULT("threadIsFirst", thread_is_first, NULL),
	CALL_RESULT("signalPending", signal_pending, NULL),
	CALL_ANSWER("loopWatch", loop_watch, "fd"),
	CALL_ANSWER("loopStart", loop_start, NULL),
	CALL_ANSWER("loopAllows", loop_allows, "fd"),
	CALL_ANSWER("loopProbe", loop_probe, "fd"),
	CALL_RESULT("loopStop", loop_stop, NULL),
	CALL_RESULT("loopRef", loop_ref, NULL),
	CALL_RESULT("loopUnref", loop_unref, NULL),
	CALL_NUMBER(LOOP_CALLED),
	CALL_END,
};
