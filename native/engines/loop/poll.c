/*
 * Watches by libuv: uv_poll_t(3).
 *
 * A watch has a uv handle only while it runs: closing one later would remove from the
 * loop whatever descriptor has its number by then.
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
#include <unistd.h>

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
on_readable(uv_poll_t *handle, int status, int events)
{
	(void)events;
	if (status < 0)
		watch_fail(handle->data, status);
	else
		watch_call(handle->data);
}

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

int
poll_start(struct loop_watch *watch)
{
	struct loop *loop = watch->loop;
	uv_poll_t *handle;
	uv_loop_t *uv;
	int status;

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
	watch->handle = handle;
	return 0;
}

void
poll_stop(struct loop_watch *watch)
{
	handle_close(watch->loop->state, (uv_handle_t *)watch->handle);
	watch->handle = NULL;
}

void
poll_refer(struct loop_watch *watch)
{
	if (watch->referenced)
		uv_ref((uv_handle_t *)watch->handle);
	else
		uv_unref((uv_handle_t *)watch->handle);
}

void
poll_end(struct loop *loop)
{
	if (loop->prepare != NULL)
		handle_close(loop->state, (uv_handle_t *)loop->prepare);
	loop->prepare = NULL;
}

int
poll_allows(napi_env env, int fd)
{
	uv_loop_t *uv;

	return napi_get_uv_event_loop(env, &uv) == napi_ok ? loop_add(uv, fd) : -EINVAL;
}

int
poll_probe(napi_env env, int fd, int levels)
{
	struct epoll_event event = { .events = 0, .data.fd = -1 };
	int outer = epoll_create1(EPOLL_CLOEXEC);
	uv_loop_t *uv;
	int result = 0;

	if (outer < 0)
		return -errno;
	if (epoll_ctl(outer, EPOLL_CTL_ADD, fd, &event) < 0)
		result = -errno;
	else if (levels > 1)
		result = poll_probe(env, outer, levels - 1);
	else if (napi_get_uv_event_loop(env, &uv) != napi_ok)
		result = -EINVAL;
	else if (epoll_ctl(uv_backend_fd(uv), EPOLL_CTL_ADD, outer, &event) < 0)
		result = -errno;
	close(outer);
	return result;
}

/* libuv counts the signals that it has caught and those that it has told of. */
static void
note_pending(uv_handle_t *handle, void *pending)
{
	const uv_signal_t *signal = (const uv_signal_t *)handle;

	if (handle->type == UV_SIGNAL && signal->caught_signals != signal->dispatched_signals)
		*(bool *)pending = true;
}

bool
poll_signal_pending(napi_env env)
{
	uv_loop_t *uv;
	bool pending = false;

	if (napi_get_uv_event_loop(env, &uv) == napi_ok)
		uv_walk(uv, note_pending, &pending);
	return pending;
}
