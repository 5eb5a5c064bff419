/*
 * Signals, identities and sleeping.
 */
#include "posix.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
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

POSIX_CALL(js_sigqueue)
{
	int pid, number, times, sent;

	if (!posix_int(call, 0, &pid) || !posix_int(call, 1, &number) ||
	    !posix_int(call, 2, &times))
		return NULL;
	for (sent = 0; sent < times; sent++) {
		if (sigqueue(pid, number, (union sigval){ .sival_int = sent }) < 0)
			return posix_result(call, -1);
	}
	return posix_result(call, sent);
}

#define SIGNALS 65

static atomic_uint handled[SIGNALS];

/* What was there before the first sigaction of a signal, or when it was saved. */
static struct sigaction first[SIGNALS];
static bool changed[SIGNALS];

static void
count(int number)
{
	handled[number]++;
}

#define RESTORE 3
#define SAVE 4

POSIX_CALL(js_sigaction)
{
	struct sigaction action = { .sa_flags = SA_RESTART };
	int number, what;

	if (!posix_int(call, 0, &number) || !posix_int(call, 1, &what))
		return NULL;
	if (number < 1 || number >= SIGNALS) {
		errno = EINVAL;
		return posix_result(call, -1);
	}
	if ((!changed[number] || what == SAVE) && sigaction(number, NULL, &first[number]) < 0)
		return posix_result(call, -1);
	if (what == SAVE) {
		changed[number] = true;
		return posix_result(call, 0);
	}
	changed[number] = what != RESTORE;
	action.sa_handler = what == 0 ? SIG_DFL : what == 1 ? SIG_IGN : count;
	return posix_result(call, sigaction(number,
	    what == RESTORE ? &first[number] : &action, NULL));
}

static struct sigaction under;

static void
chained(int number, siginfo_t *info, void *context)
{
	count(number);
	if (under.sa_flags & SA_SIGINFO)
		under.sa_sigaction(number, info, context);
}

/* Does not care for what kind of handler was there. */
static void
carelessly_chained(int number)
{
	count(number);
	under.sa_handler(number);
}

POSIX_CALL(js_chain)
{
	struct sigaction action = { .sa_flags = SA_RESTART };
	int number, careless;

	if (!posix_int(call, 0, &number) || !posix_int(call, 1, &careless))
		return NULL;
	if (careless) {
		action.sa_handler = carelessly_chained;
	} else {
		action.sa_sigaction = chained;
		action.sa_flags |= SA_SIGINFO;
	}
	return posix_result(call, sigaction(number, &action, &under));
}

POSIX_CALL(js_handler)
{
	struct sigaction action;
	int number;

	if (!posix_int(call, 0, &number))
		return NULL;
	return posix_result(call, sigaction(number, NULL, &action) < 0 ? -1 :
	    (int64_t)(intptr_t)action.sa_handler);
}

POSIX_CALL(js_handled)
{
	int number;

	if (!posix_int(call, 0, &number))
		return NULL;
	if (number < 1 || number >= SIGNALS) {
		errno = EINVAL;
		return posix_result(call, -1);
	}
	return posix_result(call, handled[number]);
}

POSIX_CALL(js_sigmask)
{
	sigset_t set;
	int number, block;

	if (!posix_int(call, 0, &number) || !posix_int(call, 1, &block))
		return NULL;
	sigemptyset(&set);
	sigaddset(&set, number);
	errno = pthread_sigmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
	return posix_result(call, errno == 0 ? 0 : -1);
}

#define STORM_THREADS 16

static struct storm {
	pthread_t threads[STORM_THREADS];
	int running;
	int number;
	int times;
} storm;

static void *
raise_often(void *unused)
{
	for (int i = 0; i < storm.times; i++)
		raise(storm.number);
	return unused;
}

POSIX_CALL(js_storm)
{
	int threads;

	if (!posix_int(call, 0, &storm.number) || !posix_int(call, 1, &threads) ||
	    !posix_int(call, 2, &storm.times))
		return NULL;
	if (storm.running > 0 || threads < 0 || threads > STORM_THREADS) {
		errno = EINVAL;
		return posix_result(call, -1);
	}
	while (storm.running < threads) {
		errno = pthread_create(&storm.threads[storm.running], NULL, raise_often, NULL);
		if (errno != 0)
			return posix_result(call, -1);
		storm.running++;
	}
	return posix_result(call, 0);
}

POSIX_CALL(js_calm)
{
	while (storm.running > 0)
		pthread_join(storm.threads[--storm.running], NULL);
	return posix_result(call, 0);
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

/* The C library keeps the real-time signals below it for itself: glibc two, musl three. */
POSIX_CALL(js_sigrtmin)
{
	return posix_result(call, SIGRTMIN);
}

const struct posix_entry posix_signal[] = {
	{ "sigrtmin", js_sigrtmin },
	{ "getpid", js_getpid },
	{ "gettid", js_gettid },
	{ "kill", js_kill },
	{ "tgkill", js_tgkill },
	{ "raise", js_raise },
	{ "sigqueue", js_sigqueue },
	{ "sigaction", js_sigaction },
	{ "chain", js_chain },
	{ "handler", js_handler },
	{ "handled", js_handled },
	{ "sigmask", js_sigmask },
	{ "storm", js_storm },
	{ "calm", js_calm },
	{ "alarm", js_alarm },
	{ "sleepNs", js_sleep_ns },
	{ NULL, NULL },
};
