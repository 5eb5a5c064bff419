/*
 * Whether libuv's functions are there and are libuv's, see libuv.h.
 *
 * Deno has some of them. Bun has all, of which most print that they are not supported, and
 * abort; so it is known by its name.
 */
#include "libuv.h"

#include <stdatomic.h>
#include <stdlib.h>

static atomic_bool here;

static bool
is_linked(void)
{
	return uv_backend_fd != NULL && uv_close != NULL && uv_handle_size != NULL &&
	    uv_loop_init != NULL && uv_loop_size != NULL && uv_poll_init != NULL &&
	    uv_poll_start != NULL && uv_prepare_init != NULL && uv_prepare_start != NULL &&
	    uv_prepare_stop != NULL && uv_ref != NULL && uv_signal_init != NULL &&
	    uv_signal_start != NULL && uv_signal_stop != NULL && uv_unref != NULL &&
	    uv_walk != NULL;
}

/* Whether process.versions names a runtime that only looks like Node.js. */
static bool
is_named(napi_env env)
{
	static const char *const names[] = { "bun", "deno" };
	napi_value global, process, versions;
	bool found = false;

	if (napi_get_global(env, &global) != napi_ok ||
	    napi_get_named_property(env, global, "process", &process) != napi_ok ||
	    napi_get_named_property(env, process, "versions", &versions) != napi_ok)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !found; i++)
		(void)!napi_has_named_property(env, versions, names[i], &found);
	return found;
}

void
libuv_begin(napi_env env)
{
	atomic_store(&here, is_linked() && getenv("KQUEUE_NO_LIBUV") == NULL && !is_named(env));
}

bool
libuv_here(void)
{
	return atomic_load(&here);
}
