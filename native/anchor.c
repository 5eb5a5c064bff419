/*
 * Anchors in libuv's table of signal watchers, see anchor.h.
 *
 * The loop and its watchers are kept for the life of the process, at the cost of
 * its descriptors: libuv frees a watcher only when it has read all that it has
 * written for it, and of that some may be lost.
 */
#include "anchor.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include <uv.h>

#include "signal.h"

/* So many looks in a row must find nothing new, so many ns apart. */
#define RESTS 2
#define MOMENT 50000
/* In so many turns a pipe that is full is read, with one message in each at least. */
#define TURNS 4096

static uv_loop_t *loop;
static uv_signal_t *anchors[SIGNAL_END];
static struct sigaction libuv_action;
static bool libuv_known;

/* What the anchor that was started last has been told of. */
static int started;
static unsigned int told;

static void
on_anchor(uv_signal_t *anchor, int number)
{
	(void)anchor;
	if (number == started)
		told++;
}

static int
fail(int status)
{
	errno = -status;
	return -1;
}

static int
open_loop(void)
{
	uv_loop_t *made;
	int status;

	if (loop != NULL)
		return 0;
	made = malloc(uv_loop_size());
	if (made == NULL)
		return -1;
	status = uv_loop_init(made);
	if (status < 0) {
		free(made);
		return fail(status);
	}
	loop = made;
	return 0;
}

static int
make(int number)
{
	uv_signal_t *anchor;
	int status;

	if (anchors[number] != NULL)
		return 0;
	if (open_loop() < 0)
		return -1;
	anchor = malloc(uv_handle_size(UV_SIGNAL));
	if (anchor == NULL)
		return -1;
	status = uv_signal_init(loop, anchor);
	if (status < 0) {
		free(anchor);
		return fail(status);
	}
	anchors[number] = anchor;
	return 0;
}

/* Has libuv tell all that it has written. Some at a time, and storms go on. */
static void
take_in(void)
{
	struct pollfd set = { .fd = uv_backend_fd(loop), .events = POLLIN };

	for (int turns = 0; turns < TURNS && poll(&set, 1, 0) > 0; turns++)
		uv_run(loop, UV_RUN_NOWAIT);
}

int
anchor_start(int number)
{
	int status;

	if (make(number) < 0)
		return -1;
	/* While the pipe is full libuv cannot write. */
	take_in();
	started = number;
	told = 0;
	status = uv_signal_start(anchors[number], on_anchor, number);
	return status < 0 ? fail(status) : 0;
}

unsigned int
anchor_settle(void)
{
	const struct timespec moment = { .tv_nsec = MOMENT };
	unsigned int before;

	for (int rests = 0; rests < RESTS; rests++) {
		before = told;
		nanosleep(&moment, NULL);
		take_in();
		if (told != before)
			rests = -1;
	}
	return told;
}

void
anchor_stop(int number)
{
	uv_signal_stop(anchors[number]);
}

/* Watches a signal for a moment and looks at what libuv installs. */
static bool
probe(int number)
{
	struct sigaction before;

	if (sigaction(number, NULL, &before) < 0)
		return false;
	if (before.sa_handler != SIG_DFL) {
		errno = EBUSY;
		return false;
	}
	if (anchor_start(number) < 0)
		return false;
	sigaction(number, NULL, &libuv_action);
	anchor_stop(number);
	return true;
}

const struct sigaction *
anchor_action(void)
{
	/* By default these do no harm. */
	static const int harmless[] = { SIGURG, SIGWINCH, SIGCONT };

	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]) && !libuv_known; i++)
		libuv_known = probe(harmless[i]);
	/* Nobody sends the highest ones. */
	for (int number = SIGNAL_END - 1; number >= SIGRTMIN && !libuv_known; number--)
		libuv_known = probe(number);
	return libuv_known ? &libuv_action : NULL;
}

bool
anchor_is_libuv(const struct sigaction *action)
{
	return action->sa_handler == libuv_action.sa_handler;
}
