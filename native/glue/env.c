/*
 * The state of one environment and its end, see env.h.
 *
 * The end is asynchronous, because uv handles may be freed only in their close
 * callback: Node keeps the loop turning until our cleanup hook is removed. Where there is no
 * libuv nothing is waited for, and the hook is one that returns: Deno frees the other kind twice.
 */
#include "env.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "libuv.h"

struct env_part {
	const struct env_kind *kind;
	struct env_part *next;
	max_align_t content[];
};

static void
end_when_released(struct env_state *state)
{
	if (state->holds > 0)
		return;
	owned_end(&state->ownership);
	if (state->cleanup != NULL)
		napi_remove_async_cleanup_hook(state->cleanup);
}

static void
env_end(void *data)
{
	struct env_state *state = data;

	for (struct env_part *part = state->parts; part != NULL; part = part->next) {
		if (part->kind->end != NULL)
			part->kind->end(state, part->content);
	}
	state->ending = true;
	end_when_released(state);
}

static void
env_end_slowly(napi_async_cleanup_hook_handle handle, void *data)
{
	(void)handle;
	env_end(data);
}

static bool
expect_end(struct env_state *state)
{
	if (libuv_here())
		return napi_add_async_cleanup_hook(state->env, env_end_slowly, state,
		    &state->cleanup) == napi_ok;
	return napi_add_env_cleanup_hook(state->env, env_end, state) == napi_ok;
}

void
env_hold(struct env_state *state)
{
	state->holds++;
}

void
env_release(struct env_state *state)
{
	state->holds--;
	if (state->ending)
		end_when_released(state);
}

static void
env_free(napi_env env, void *data, void *hint)
{
	struct env_state *state = data;
	struct env_part *next;

	(void)env;
	(void)hint;
	for (struct env_part *part = state->parts; part != NULL; part = next) {
		next = part->next;
		free(part);
	}
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
	if (napi_set_instance_data(env, state, env_free, NULL) != napi_ok) {
		free(state);
		return false;
	}
	return expect_end(state);
}

void *
env_find_part(struct env_state *state, const struct env_kind *kind)
{
	for (struct env_part *part = state->parts; part != NULL; part = part->next) {
		if (part->kind == kind)
			return part->content;
	}
	return NULL;
}

void *
env_part(struct env_state *state, const struct env_kind *kind)
{
	void *found = env_find_part(state, kind);
	struct env_part *part;

	if (found != NULL)
		return found;
	part = calloc(1, sizeof(*part) + kind->size);
	if (part == NULL)
		return NULL;
	part->kind = kind;
	part->next = state->parts;
	state->parts = part;
	return part->content;
}

int
env_thread(pthread_t *thread, void *(*run)(void *), void *data)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(thread, NULL, run, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

int
env_own(struct env_state *state, int fd, int ready)
{
	return owned_take(&state->ownership, fd, ready);
}

int
env_close(struct env_state *state, int fd)
{
	if (owned_find(&state->ownership, fd) == NULL) {
		errno = EBADF;
		return -1;
	}
	for (struct env_part *part = state->parts; part != NULL; part = part->next) {
		if (part->kind->closing != NULL)
			part->kind->closing(part->content, fd);
	}
	return owned_close(&state->ownership, fd);
}
