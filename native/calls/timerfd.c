/*
 * Timers: timerfd_create(2) on CLOCK_MONOTONIC.
 *
 * Each fires once; which of many timers comes next is decided in TypeScript.
 */
#include "calls.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include "glue/env.h"

static napi_value
js_timerfd_create(napi_env env, napi_callback_info info)
{
	struct call call;

	if (!call_begin(&call, env, info))
		return call.answer;
	return call_result(&call, env_own(call.state,
	    timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), -1));
}

static napi_value
js_timerfd_set(napi_env env, napi_callback_info info)
{
	struct call call;
	struct itimerspec timer = { 0 };
	int64_t sec, nsec;
	int fd;

	if (!call_begin(&call, env, info) ||
	    !call_fd(&call, 0, "fd", &fd) ||
	    !call_duration(&call, 1, 0, &sec, &nsec))
		return call.answer;
	timer.it_value.tv_sec = (time_t)sec;
	timer.it_value.tv_nsec = (long)nsec;
	return call_result(&call, timerfd_settime(fd, 0, &timer, NULL));
}

const struct call_entry timerfd_calls[] = {
	CALL_FUNCTION("timerfdCreate", js_timerfd_create),
	CALL_FUNCTION("timerfdSet", js_timerfd_set),
	CALL_END,
};
