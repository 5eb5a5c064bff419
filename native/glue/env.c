/*
 * The state of one environment and its end, see env.h.
 *
 * The end is asynchronous, because uv handles may be freed only in their close
 * callback: Node keeps the loop turning until our cleanup hook is removed.
 */
#include "env.h"

#include <stdlib.h>

#include "calls/pollprobe.h"
#include "engines/aio/aio.h"
#include "engines/connector/connector.h"
#include "engines/loop.h"
#include "engines/signal/signal.h"

static void
end_when_closed(struct env_state *state)
{
	if (state->closing > 0)
		return;
	aio_end(state);
	connector_leave(state);
	pollprobe_end(state);
	owned_end(&state->ownership);
	state->diag_fd = -1;
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
