/*
 * The doorbell of a queue: eventfd(2).
 *
 * A queue's descriptor holds one that is always readable and is made to listen
 * to it or not, see queue.c.
 */
#include "calls.h"

#include <sys/eventfd.h>

#include "glue/env.h"

static napi_value
eventfd_create(struct call *call)
{
	int64_t initial;

	if (!call_range(call, 0, "initial", 0, UINT32_MAX, &initial))
		return call->answer;
	return call_result(call, env_own(call->state,
	    eventfd((unsigned int)initial, EFD_NONBLOCK | EFD_CLOEXEC), -1));
}

const struct call_entry eventfd_calls[] = {
	CALL_ANSWER("eventfdCreate", eventfd_create, NULL),
	CALL_END,
};
