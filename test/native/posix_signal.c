/*
 * Signals, identities and sleeping.
 */
#include "posix.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

POSIX_CALL(js_getpid)
{
	return posix_result(call, getpid());
}

POSIX_CALL(js_gettid)
{
	return posix_result(call, syscall(SYS_gettid));
}

POSIX_CALL(js_kill)
{
	int pid, number;

	if (!posix_int(call, 0, &pid) || !posix_int(call, 1, &number))
		return NULL;
	return posix_result(call, kill(pid, number));
}

POSIX_CALL(js_tgkill)
{
	int thread, number;

	if (!posix_int(call, 0, &thread) || !posix_int(call, 1, &number))
		return NULL;
	return posix_result(call, syscall(SYS_tgkill, getpid(), thread, number));
}

POSIX_CALL(js_raise)
{
	int number;

	if (!posix_int(call, 0, &number))
		return NULL;
	return posix_result(call, raise(number) == 0 ? 0 : -1);
}

POSIX_CALL(js_alarm)
{
	struct itimerval timer = { 0 };
	double ms;

	if (!posix_double(call, 0, &ms))
		return NULL;
	timer.it_value.tv_sec = (time_t)(ms / 1000);
	timer.it_value.tv_usec = (suseconds_t)fmod(ms * 1000, 1000000);
	return posix_result(call, setitimer(ITIMER_REAL, &timer, NULL));
}

POSIX_CALL(js_sleep_ns)
{
	struct timespec duration;
	double ns;
	int error;

	if (!posix_double(call, 0, &ns))
		return NULL;
	duration.tv_sec = (time_t)(ns / 1e9);
	duration.tv_nsec = (long)fmod(ns, 1e9);
	do {
		error = clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, &duration);
	} while (error == EINTR);
	errno = error;
	return posix_result(call, error == 0 ? 0 : -1);
}

const struct posix_entry posix_signal[] = {
	{ "getpid", js_getpid },
	{ "gettid", js_gettid },
	{ "kill", js_kill },
	{ "tgkill", js_tgkill },
	{ "raise", js_raise },
	{ "alarm", js_alarm },
	{ "sleepNs", js_sleep_ns },
	{ NULL, NULL },
};
