/*
 * Watches in Node's event loop: uv_poll_t(3).
 *
 * A watch calls its function while its descriptor is readable and it runs. It
 * has a uv handle only while it runs: closing one later would remove from the
 * loop whatever descriptor has its number by then. A running watch is kept from
 * being collected.
 *
 * libuv adds a descriptor to its epoll instance only when it polls next, and aborts
 * when that fails: when the descriptor was closed meanwhile, leads back to the loop,
 * nests too deep, or is one watch too many. So it is added here at once, which libuv
 * then finds done; Linux refuses from then on what would nest too deep. Immediately
 * before libuv polls, a watch is looked at once more, and stopped if libuv could not
 * bear it.
 */
#include "engines/engines.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <uv.h>

#include "glue/env.h"

struct loop_watch;

/* Of one environment. */
struct loop {
	struct env_state *state;
	struct loop_watch *running;
	/* Looks at watches that libuv is about to register; NULL before the first. */
	uv_prepare_t *prepare;
};

struct loop_watch {
	struct loop *loop;
	int fd;
	bool referenced;
	/* libuv has yet to register it. */
	bool fresh;
	uv_poll_t *handle;
	napi_ref self;
	napi_ref callback;
	napi_async_context context;
	struct loop_watch *next;
	struct loop_watch **link;
};

static const napi_type_tag watch_tag = { 0x9c1f5e0b7a2d4386, 0xb04e6a91d85c27f3 };

static void
handle_closed(uv_handle_t *handle)
{
	struct env_state *state = handle->data;

	free(handle);
	env_release(state);
}

static void
handle_close(struct env_state *state, uv_handle_t *handle)
{
	handle->data = state;
	env_hold(state);
	uv_close(handle, handle_closed);
}

static void
watch_close(struct loop_watch *watch)
{
	handle_close(watch->loop->state, (uv_handle_t *)watch->handle);
	watch->handle = NULL;
	*watch->link = watch->next;
	if (watch->next != NULL)
		watch->next->link = watch->link;
}

static void
watch_stop(struct loop_watch *watch)
{
	if (watch->handle == NULL)
		return;
	watch_close(watch);
	napi_reference_unref(watch->loop->state->env, watch->self, NULL);
}

static void
report_exception(napi_env env)
{
	napi_value exception;
	bool pending = false;

	if (napi_is_exception_pending(env, &pending) == napi_ok && pending &&
	    napi_get_and_clear_last_exception(env, &exception) == napi_ok)
		napi_fatal_exception(env, exception);
}

/* A negative status is an error after which the watch has stopped. */
static void
watch_call(struct loop_watch *watch, int status)
{
	napi_env env = watch->loop->state->env;
	napi_handle_scope scope;
	napi_value receiver, callback, argument;

	if (napi_open_handle_scope(env, &scope) != napi_ok)
		return;
	/* The callback may stop the watch, and the collector then free it. */
	if (napi_get_global(env, &receiver) == napi_ok &&
	    napi_create_int32(env, status, &argument) == napi_ok &&
	    napi_get_reference_value(env, watch->callback, &callback) == napi_ok &&
	    napi_make_callback(env, watch->context, receiver, callback, 1, &argument, NULL) != napi_ok)
		report_exception(env);
	napi_close_handle_scope(env, scope);
}

static void
watch_fail(struct loop_watch *watch, int status)
{
	napi_env env = watch->loop->state->env;
	napi_handle_scope scope;
	napi_value self;

	if (napi_open_handle_scope(env, &scope) != napi_ok)
		return;
	/* Held, so that the collector does not free it before its function is called. */
	napi_get_reference_value(env, watch->self, &self);
	watch_stop(watch);
	watch_call(watch, status);
	napi_close_handle_scope(env, scope);
}

static void
on_readable(uv_poll_t *handle, int status, int events)
{
	(void)events;
	if (status < 0)
		watch_fail(handle->data, status);
	else
		watch_call(handle->data, 0);
}

/*
 * Adds a descriptor to the loop's epoll instance as libuv will do: 0, also when it is
 * there already, or a negative errno.
 */
static int
loop_add(const uv_loop_t *uv, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(uv_backend_fd(uv), EPOLL_CTL_ADD, fd, &event) == 0 || errno == EEXIST)
		return 0;
	return -errno;
}

/* The same, with -EBADF for a number that was ours. */
static int
own_add(const struct loop *loop, const uv_loop_t *uv, int fd)
{
	return owned_lost(&loop->state->ownership, fd) ? -EBADF : loop_add(uv, fd);
}

static struct loop_watch *
find_fresh(const struct loop *loop)
{
	struct loop_watch *watch = loop->running;

	while (watch != NULL && !watch->fresh)
		watch = watch->next;
	return watch;
}

/* Immediately before libuv polls. */
static void
on_prepare(uv_prepare_t *prepare)
{
	struct loop *loop = prepare->data;
	struct loop_watch *watch;

	/* Those that functions called here have started are looked at as well. */
	while ((watch = find_fresh(loop)) != NULL) {
		int status = own_add(loop, prepare->loop, watch->fd);

		watch->fresh = false;
		if (status < 0)
			watch_fail(watch, status);
	}
	uv_prepare_stop(prepare);
}

static int
prepare_start(struct loop *loop, uv_loop_t *uv)
{
	if (loop->prepare == NULL) {
		loop->prepare = malloc(uv_handle_size(UV_PREPARE));
		if (loop->prepare == NULL)
			return -ENOMEM;
		uv_prepare_init(uv, loop->prepare);
		uv_unref((uv_handle_t *)loop->prepare);
		loop->prepare->data = loop;
	}
	return uv_prepare_start(loop->prepare, on_prepare);
}

static int
handle_start(struct loop *loop, uv_loop_t *uv, uv_poll_t *handle, int fd)
{
	int status = own_add(loop, uv, fd);

	if (status == 0)
		status = prepare_start(loop, uv);
	if (status == 0)
		status = uv_poll_start(handle, UV_READABLE, on_readable);
	return status;
}

static int
watch_start(struct loop_watch *watch)
{
	struct loop *loop = watch->loop;
	uv_poll_t *handle;
	uv_loop_t *uv;
	int status;

	if (watch->handle != NULL)
		return 0;
	if (napi_get_uv_event_loop(loop->state->env, &uv) != napi_ok)
		return -EINVAL;
	handle = malloc(uv_handle_size(UV_POLL));
	if (handle == NULL)
		return -ENOMEM;
	status = uv_poll_init(uv, handle, watch->fd);
	if (status < 0) {
		free(handle);
		return status;
	}
	handle->data = watch;
	status = handle_start(loop, uv, handle, watch->fd);
	if (status < 0) {
		handle_close(loop->state, (uv_handle_t *)handle);
		return status;
	}
	watch->fresh = true;
	if (!watch->referenced)
		uv_unref((uv_handle_t *)handle);
	watch->handle = handle;
	watch->next = loop->running;
	watch->link = &loop->running;
	if (watch->next != NULL)
		watch->next->link = &watch->next;
	loop->running = watch;
	napi_reference_ref(loop->state->env, watch->self, NULL);
	return 0;
}

/* A descriptor is about to be closed. */
static void
loop_closing(void *part, int fd)
{
	struct loop *loop = part;
	struct loop_watch *next;

	for (struct loop_watch *watch = loop->running; watch != NULL; watch = next) {
		next = watch->next;
		if (watch->fd == fd)
			watch_stop(watch);
	}
}

static void
loop_end(struct env_state *state, void *part)
{
	struct loop *loop = part;

	while (loop->running != NULL)
		watch_close(loop->running);
	if (loop->prepare != NULL)
		handle_close(state, (uv_handle_t *)loop->prepare);
	loop->prepare = NULL;
}

static const struct env_kind loop_kind = {
	.size = sizeof(struct loop),
	.end = loop_end,
	.closing = loop_closing,
};

/* Whether the event loop would bear `fd` at the end of so many epoll instances of ours. */
static int
loop_probe(const uv_loop_t *uv, int fd, int levels)
{
	struct epoll_event event = { .events = 0, .data.fd = -1 };
	int outer = epoll_create1(EPOLL_CLOEXEC);
	int result;

	if (outer < 0)
		return -errno;
	if (epoll_ctl(outer, EPOLL_CTL_ADD, fd, &event) < 0)
		result = -errno;
	else if (levels > 1)
		result = loop_probe(uv, outer, levels - 1);
	else
		result = epoll_ctl(uv_backend_fd(uv), EPOLL_CTL_ADD, outer, &event) < 0 ? -errno : 0;
	close(outer);
	return result;
}

/*
 * No handle is left here: a running watch is not collected, and the end of the
 * environment closes the handles before it finalizes what is left.
 */
static void
watch_free(napi_env env, void *data, void *hint)
{
	struct loop_watch *watch = data;

	(void)hint;
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
	uv_loop_t *uv;
	int fd;

	if (!call_begin(&call, env, info) ||
	    !call_fd(&call, 0, "fd", &fd))
		return call.answer;
	if (napi_get_uv_event_loop(env, &uv) != napi_ok)
		return call_number(&call, -EINVAL);
	return call_number(&call, loop_add(uv, fd));
}

static napi_value
js_loop_probe(napi_env env, napi_callback_info info)
{
	struct call call;
	uv_loop_t *uv;
	int64_t levels;
	int fd;

	if (!call_begin(&call, env, info) ||
	    !call_fd(&call, 0, "fd", &fd) ||
	    !call_range(&call, 1, "levels", 1, 4, &levels))
		return call.answer;
	if (napi_get_uv_event_loop(env, &uv) != napi_ok)
		return call_number(&call, -EINVAL);
	return call_number(&call, loop_probe(uv, fd, (int)levels));
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
	watch->referenced = true;
	if (watch->handle != NULL)
		uv_ref((uv_handle_t *)watch->handle);
	return call_undefined(&call);
}

static napi_value
js_loop_unref(napi_env env, napi_callback_info info)
{
	struct call call;
	struct loop_watch *watch = begin_with_watch(&call, env, info);

	if (watch == NULL)
		return NULL;
	watch->referenced = false;
	if (watch->handle != NULL)
		uv_unref((uv_handle_t *)watch->handle);
	return call_undefined(&call);
}

/* libuv counts the signals that it has caught and those that it has told of. */
static void
note_pending(uv_handle_t *handle, void *pending)
{
	const uv_signal_t *signal = (const uv_signal_t *)handle;

	if (handle->type == UV_SIGNAL && signal->caught_signals != signal->dispatched_signals)
		*(bool *)pending = true;
}

static napi_value
js_signal_pending(napi_env env, napi_callback_info info)
{
	struct call call;
	uv_loop_t *uv;
	bool pending = false;

	if (!call_begin(&call, env, info))
		return call.answer;
	if (napi_get_uv_event_loop(env, &uv) == napi_ok)
		uv_walk(uv, note_pending, &pending);
	return call_number(&call, pending ? 1 : 0);
}

const struct call_entry loop_calls[] = {
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
