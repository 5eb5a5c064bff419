/*
 * The two clocks, clock_gettime(2), as nanoseconds in a double, and timers on the monotonic
 * one, timerfd_create(2).
 *
 * A double counts nanoseconds exactly for 104 days: CLOCK_MONOTONIC is counted
 * from the moment the addon came into the process, so that all threads agree.
 *
 * Each timer fires once; which of many comes next is decided in TypeScript.
 */
#include "calls.h"

#include <pthread.h>
#include <sys/timerfd.h>
#include <time.h>

static pthread_once_t base_once = PTHREAD_ONCE_INIT;
static struct timespec base;

static void
read_base(void)
{
	clock_gettime(CLOCK_MONOTONIC, &base);
}

void
clock_begin(void)
{
	pthread_once(&base_once, read_base);
}

static napi_value
monotonic(struct call *call)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return call_number(call, (double)((int64_t)(now.tv_sec - base.tv_sec) * 1000000000 +
	    (now.tv_nsec - base.tv_nsec)));
}

static napi_value
realtime(struct call *call)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return call_number(call, (double)((int64_t)now.tv_sec * 1000000000 + now.tv_nsec));
}

/* A bigint, because a double does not hold it exactly. */
static napi_value
epoch(struct call *call)
{
	napi_value epoch = NULL;

	napi_create_bigint_int64(call->env, (int64_t)base.tv_sec * 1000000000 + base.tv_nsec, &epoch);
	return epoch;
}

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

	if (!call_range(call, 1, "sec", 0, CALL_SAFE_INTEGER, &sec) ||
	    !call_range(call, 2, "nsec", 0, 999999999, &nsec))
		return call->answer;
	timer.it_value.tv_sec = (time_t)sec;
	timer.it_value.tv_nsec = (long)nsec;
	return call_result(call, timerfd_settime(call->ints[0], 0, &timer, NULL));
}

const struct call_entry clock_calls[] = {
	CALL_ANSWER("epoch", epoch, NULL),
	CALL_ANSWER("monotonic", monotonic, NULL),
	CALL_ANSWER("realtime", realtime, NULL),
	CALL_RESULT("timerfdCreate", timerfd_make, NULL),
	CALL_ANSWER("timerfdSet", timerfd_set, "fd"),
	CALL_END,
};
