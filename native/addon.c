/*
 * The addon: puts the functions of every facility on the module's exports.
 *
 * Its one user is src/linux/native.ts, which types and documents what each
 * function takes and answers. Loaded once in every environment that asks.
 */
#include "calls/calls.h"
#include "calls/clock.h"
#include "engines/engines.h"
#include "glue/env.h"

static const struct call_entry *const facilities[] = {
	epoll_calls,
	level_calls,
	queue_calls,
	timerfd_calls,
	eventfd_calls,
	inotify_calls,
	file_calls,
	clock_calls,
	loop_calls,
	pidfd_calls,
	connector_calls,
	signal_calls,
	mounts_calls,
	link_calls,
	output_calls,
	pollprobe_calls,
	aio_calls,
};

static bool
export_call(napi_env env, napi_value exports, const struct call_entry *entry)
{
	napi_value function;

	return napi_create_function(env, entry->name, NAPI_AUTO_LENGTH,
	    entry->callback, (void *)entry->name, &function) == napi_ok &&
	    napi_set_named_property(env, exports, entry->name, function) == napi_ok;
}

NAPI_MODULE_INIT()
{
	clock_begin();
	if (!env_begin(env))
		return NULL;
	for (size_t i = 0; i < sizeof(facilities) / sizeof(facilities[0]); i++) {
		for (const struct call_entry *entry = facilities[i]; entry->name != NULL; entry++) {
			if (!export_call(env, exports, entry))
				return NULL;
		}
	}
	return exports;
}
