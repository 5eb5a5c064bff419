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
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

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

void
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

int
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

int
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

const struct env_kind loop_kind = {
	.size = sizeof(struct loop),
	.end = loop_end,
	.closing = loop_closing,
};
