/*
 * The state of one environment and its end, see env.h.
 *
 * The end is asynchronous, because uv handles may be freed only in their close
 * callback: Node keeps the loop turning until our cleanup hook is removed.
 */
#include "env.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "aio.h"
#include "connector.h"
#include "loop.h"
#include "pollprobe.h"
#include "queue.h"
#include "signal.h"

struct env_owned *
env_find(struct env_state *state, int fd)
{
	for (size_t i = 0; i < state->owned_count; i++) {
		if (state->owned[i].fd == fd)
			return &state->owned[i];
	}
	return NULL;
}

void
env_disown(struct env_state *state, struct env_owned *owned)
{
	*owned = state->owned[--state->owned_count];
}

static struct env_owned *
owned_append(struct env_state *state)
{
	if (state->owned_count == state->owned_room) {
		size_t room = state->owned_room == 0 ? 16 : state->owned_room * 2;
		struct env_owned *grown = realloc(state->owned, room * sizeof(*grown));

		if (grown == NULL)
			return NULL;
		state->owned = grown;
		state->owned_room = room;
	}
	return &state->owned[state->owned_count++];
}

int
env_own(struct env_state *state, int fd, int ready)
{
	struct env_owned *owned;

	if (fd < 0)
		return -1;
	/* The kernel gave us the number, so an older owner of it is long closed. */
	owned = env_find(state, fd);
	if (owned == NULL)
		owned = owned_append(state);
	if (owned == NULL) {
		close(fd);
		errno = ENOMEM;
		return -1;
	}
	owned->fd = fd;
	owned->ready = ready;
	return fd;
}

/* Queues first: their proof of identity needs the eventfds to be open. */
static void
close_owned(struct env_state *state)
{
	aio_end(state);
	connector_leave(state);
	pollprobe_end(state);
	for (size_t i = 0; i < state->owned_count; i++) {
		const struct env_owned *owned = &state->owned[i];

		if (owned->ready >= 0 && queue_is_ours(owned->fd, owned->ready))
			close(owned->fd);
	}
	for (size_t i = 0; i < state->owned_count; i++) {
		if (state->owned[i].ready < 0)
			close(state->owned[i].fd);
	}
	state->owned_count = 0;
	if (state->diag_fd >= 0)
		close(state->diag_fd);
	state->diag_fd = -1;
}

static void
end_when_closed(struct env_state *state)
{
	if (state->closing > 0)
		return;
	close_owned(state);
	napi_remove_async_cleanup_hook(state->cleanup);
}

static void
env_end(napi_async_cleanup_hook_handle handle, void *data)
{
	struct env_state *state = data;

	(void)handle;
	state->ending = true;
	signal_end(state);
	loop_close_all(state);
	end_when_closed(state);
}

void
env_handle_closed(struct env_state *state)
{
	state->closing--;
	if (state->ending)
		end_when_closed(state);
}

static void
env_free(napi_env env, void *data, void *hint)
{
	struct env_state *state = data;

	(void)env;
	(void)hint;
	free(state->owned);
	free(state);
}

bool
env_begin(napi_env env)
{
	struct env_state *state = calloc(1, sizeof(*state));

	if (state == NULL) {
		napi_throw_error(env, "ERR_MEMORY_ALLOCATION_FAILED", "kqueue: out of memory");
		return false;
	}
	state->env = env;
	state->diag_fd = -1;
	if (napi_set_instance_data(env, state, env_free, NULL) != napi_ok) {
		free(state);
		return false;
	}
	return napi_add_async_cleanup_hook(env, env_end, state, &state->cleanup) == napi_ok;
}
