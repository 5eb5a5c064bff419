/*
 * Timers: timerfd_create(2) on CLOCK_MONOTONIC.
 *
 * Each fires once; which of many timers comes next is decided in TypeScript.
 */
#include "calls.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include "glue/env.h"

static int
timerfd_make(struct call *call)
{
	return env_own(call->state, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), -1);
}

static napi_value
timerfd_set(struct call *call)
{
	struct itimerspec timer = { 0 };
	int64_t sec, nsec;

	if (!call_duration(call, 1, 0, &sec, &nsec))
		return call->answer;
	timer.it_value.tv_sec = (time_t)sec;
	timer.it_value.tv_nsec = (long)nsec;
	return call_result(call, timerfd_settime(call->ints[0], 0, &timer, NULL));
}

const struct call_entry timerfd_calls[] = {
	CALL_RESULT("timerfdCreate", timerfd_make, NULL),
	CALL_ANSWER("timerfdSet", timerfd_set, "fd"),
	CALL_END,
};
