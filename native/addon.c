/*
 * The addon: puts the functions of every facility on the module's exports, and the
 * numbers that they speak in on `constants`.
 *
 * Its one user is src/linux/hub/native.ts, which types and documents what each
 * function takes and answers. Loaded once in every environment that asks.
 */
#include "calls/calls.h"

#include <sys/types.h>
#include <time.h>

#include "engines/engines.h"
#include "glue/libuv.h"

/* What the rest takes for granted of a machine, and of a C library. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian");
_Static_assert(sizeof(long) == 8 && sizeof(void *) == 8, "64 bits");
_Static_assert(sizeof(off_t) == 8 && sizeof(ino_t) == 8, "64 bits for files");
_Static_assert(sizeof(time_t) == 8, "64 bits for time");
_Static_assert(sizeof(struct timespec) == 16, "the timespec of the kernel");

static const struct call_entry *const facilities[] = {
	epoll_calls,
	level_calls,
	queue_calls,
	inotify_calls,
	tree_calls,
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
	handover_calls,
	idle_calls,
};

/* Calls for each row of the tables: the numbers, or the functions. */
static bool
export_all(napi_env env, napi_value to, bool numbers)
{
	napi_value value;

	for (size_t i = 0; i < sizeof(facilities) / sizeof(facilities[0]); i++) {
		for (const struct call_entry *entry = facilities[i]; entry->name != NULL; entry++) {
			if ((entry->callback == NULL) != numbers)
				continue;
			if ((numbers ? napi_create_int64(env, entry->number, &value)
				     : napi_create_function(env, entry->name, NAPI_AUTO_LENGTH,
					   entry->callback, (void *)entry, &value)) != napi_ok ||
			    napi_set_named_property(env, to, entry->name, value) != napi_ok)
				return false;
		}
	}
	return true;
}

/* Made when it is asked for: by tests alone. */
static napi_value
constants_get(napi_env env, napi_callback_info info)
{
	napi_value constants;

	(void)info;
	if (napi_create_object(env, &constants) != napi_ok ||
	    !export_all(env, constants, true) ||
	    napi_object_freeze(env, constants) != napi_ok)
		return NULL;
	return constants;
}

NAPI_MODULE_INIT()
{
	const napi_property_descriptor constants = {
		.utf8name = "constants",
		.getter = constants_get,
		.attributes = napi_enumerable,
	};

	clock_begin();
	libuv_begin(env);
	if (!env_begin(env) ||
	    !export_all(env, exports, false) ||
	    napi_define_properties(env, exports, 1, &constants) != napi_ok)
		return NULL;
	return exports;
}
