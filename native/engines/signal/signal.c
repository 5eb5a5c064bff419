/*
 * Signal counts and who is woken, see signal.h: EVFILT_SIGNAL.
 *
 * A handler may run in any thread at any time, so all that it touches is atomic
 * and stays allocated: the watchers are a list to which they are only added, and
 * those of environments that have ended are used again. The rest is under `lock`,
 * which no handler takes.
 */
#include "signal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "engines/engines.h"

#define WORD_BITS 32
#define WORDS ((SIGNAL_END + WORD_BITS - 1) / WORD_BITS)

/* An environment that watches. */
struct signal_watcher {
	/* -1 for none. */
	atomic_int fd;
	/* Handlers that are about to write to it. */
	atomic_int writers;
	/* The signals watched, a bit each. */
	atomic_uint wants[WORDS];
	bool used;
	struct signal_watcher *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(struct signal_watcher *) watchers;
static atomic_uint counts[SIGNAL_END];
/* How many environments watch a signal. */
static unsigned int uses[SIGNAL_END];

static bool
wants(struct signal_watcher *watcher, int number)
{
	return atomic_load(&watcher->wants[number / WORD_BITS]) & 1U << number % WORD_BITS;
}

/* Who takes `fd` away waits until nobody can be about to use it: see `retire`. */
static void
wake(struct signal_watcher *watcher)
{
	int fd;

	atomic_fetch_add(&watcher->writers, 1);
	fd = atomic_load(&watcher->fd);
	/* It fails only when the counter is full, which nobody will live to see. */
	if (fd >= 0)
		(void)eventfd_write(fd, 1);
	atomic_fetch_sub(&watcher->writers, 1);
}

void
signal_arrived(int number)
{
	atomic_fetch_add(&counts[number], 1);
	for (struct signal_watcher *watcher = atomic_load(&watchers); watcher != NULL;
	    watcher = watcher->next) {
		if (wants(watcher, number))
			wake(watcher);
	}
}

/* A watcher that is not used, or NULL. */
static struct signal_watcher *
hire(void)
{
	struct signal_watcher *watcher;

	for (watcher = atomic_load(&watchers); watcher != NULL; watcher = watcher->next) {
		if (!watcher->used) {
			watcher->used = true;
			return watcher;
		}
	}
	watcher = calloc(1, sizeof(*watcher));
	if (watcher == NULL)
		return NULL;
	watcher->used = true;
	atomic_init(&watcher->fd, -1);
	watcher->next = atomic_load(&watchers);
	atomic_store(&watchers, watcher);
	return watcher;
}

/* Its eventfd, which no handler uses any more. */
static int
retire(struct signal_watcher *watcher)
{
	int fd = atomic_exchange(&watcher->fd, -1);

	while (atomic_load(&watcher->writers) > 0)
		sched_yield();
	watcher->used = false;
	return fd;
}

static int
watch(struct signal_watcher *watcher, int number)
{
	unsigned int bit = 1U << number % WORD_BITS;

	if (watcher == NULL) {
		errno = EBADF;
		return -1;
	}
	if (wants(watcher, number))
		return 0;
	/* From the first delivery on. */
	atomic_fetch_or(&watcher->wants[number / WORD_BITS], bit);
	if (uses[number] == 0 && disposition_take(number) < 0) {
		atomic_fetch_and(&watcher->wants[number / WORD_BITS], ~bit);
		return -1;
	}
	uses[number]++;
	return 0;
}

static void
unwatch(struct signal_watcher *watcher, int number)
{
	if (watcher == NULL || !wants(watcher, number))
		return;
	if (--uses[number] == 0)
		disposition_give_back(number);
	atomic_fetch_and(&watcher->wants[number / WORD_BITS], ~(1U << number % WORD_BITS));
}

static struct signal_watcher *
floor_open(int fd)
{
	struct signal_watcher *watcher;

	pthread_mutex_lock(&lock);
	watcher = hire();
	if (watcher != NULL)
		atomic_store(&watcher->fd, fd);
	pthread_mutex_unlock(&lock);
	return watcher;
}

static int
floor_close(struct signal_watcher *watcher)
{
	int fd;

	pthread_mutex_lock(&lock);
	for (int number = 1; number < SIGNAL_END; number++)
		unwatch(watcher, number);
	fd = retire(watcher);
	pthread_mutex_unlock(&lock);
	return fd;
}

static int
floor_watch(struct signal_watcher *watcher, int number)
{
	int result;

	pthread_mutex_lock(&lock);
	result = watch(watcher, number);
	pthread_mutex_unlock(&lock);
	return result;
}

static void
floor_unwatch(struct signal_watcher *watcher, int number)
{
	pthread_mutex_lock(&lock);
	unwatch(watcher, number);
	pthread_mutex_unlock(&lock);
}

static void
floor_expect(int number)
{
	pthread_mutex_lock(&lock);
	disposition_expect(number);
	pthread_mutex_unlock(&lock);
}

static void
floor_check(struct signal_watcher *watcher)
{
	pthread_mutex_lock(&lock);
	for (int number = 1; number < SIGNAL_END; number++) {
		if (wants(watcher, number))
			disposition_check(number);
	}
	pthread_mutex_unlock(&lock);
}

static void
floor_counts(int32_t *values)
{
	for (int number = 0; number < SIGNAL_END; number++)
		values[number] = (int32_t)atomic_load(&counts[number]);
}

__attribute__((visibility("default"))) const struct signal_floor SIGNAL_FLOOR = {
	.open = floor_open,
	.close = floor_close,
	.watch = floor_watch,
	.unwatch = floor_unwatch,
	.expect = floor_expect,
	.check = floor_check,
	.counts = floor_counts,
};

/* Of one environment: NULL while it watches none. */
struct signals {
	struct signal_watcher *watcher;
};

static void
signals_end(struct env_state *state, void *part)
{
	struct signals *signals = part;

	if (signals->watcher != NULL)
		env_close(state, copies_floor()->close(signals->watcher));
	signals->watcher = NULL;
}

static const struct env_kind signals_kind = { .size = sizeof(struct signals), .end = signals_end };

static struct signal_watcher *
watcher_of(struct env_state *state)
{
	struct signals *signals = env_find_part(state, &signals_kind);

	return signals == NULL ? NULL : signals->watcher;
}

static int
signal_open(struct call *call)
{
	struct env_state *state = call->state;
	struct signals *signals = env_part(state, &signals_kind);
	int fd;

	if (signals == NULL)
		return -1;
	if (signals->watcher != NULL) {
		errno = EALREADY;
		return -1;
	}
	fd = env_own(state, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), -1);
	if (fd < 0)
		return -1;
	signals->watcher = copies_floor()->open(fd);
	if (signals->watcher == NULL) {
		env_close(state, fd);
		errno = ENOMEM;
		return -1;
	}
	return fd;
}

static int
signal_close(struct call *call)
{
	struct signals *signals = env_find_part(call->state, &signals_kind);

	if (signals != NULL)
		signals_end(call->state, signals);
	return 0;
}

/* Whether the argument is a signal, else EINVAL. */
static bool
is_signal(const struct call *call)
{
	errno = EINVAL;
	return call->ints[0] >= 1 && call->ints[0] < SIGNAL_END;
}

static int
signal_watch(struct call *call)
{
	return is_signal(call) ? copies_floor()->watch(watcher_of(call->state), call->ints[0]) : -1;
}

static int
signal_unwatch(struct call *call)
{
	if (!is_signal(call))
		return -1;
	copies_floor()->unwatch(watcher_of(call->state), call->ints[0]);
	return 0;
}

static int
signal_expect(struct call *call)
{
	if (!is_signal(call))
		return -1;
	copies_floor()->expect(call->ints[0]);
	return 0;
}

static int
signal_check(struct call *call)
{
	struct signal_watcher *watcher = watcher_of(call->state);

	if (watcher != NULL)
		copies_floor()->check(watcher);
	return 0;
}

static napi_value
signal_counts(struct call *call)
{
	size_t length;
	void *data;

	if (!call_array(call, 0, "counts", napi_int32_array, SIGNAL_END, &data, &length))
		return call->answer;
	copies_floor()->counts(data);
	return call_result(call, 0);
}

const struct call_entry signal_calls[] = {
	CALL_RESULT("signalOpen", signal_open, NULL),
	CALL_RESULT("signalClose", signal_close, NULL),
	CALL_RESULT("signalWatch", signal_watch, "number"),
	CALL_RESULT("signalUnwatch", signal_unwatch, "number"),
	CALL_RESULT("signalExpect", signal_expect, "number"),
	CALL_RESULT("signalCheck", signal_check, NULL),
	CALL_ANSWER("signalCounts", signal_counts, NULL),
	CALL_NUMBER(SIGNAL_END),
	CALL_END,
};
