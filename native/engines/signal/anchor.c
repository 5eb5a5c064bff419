/*
 * Anchors in libuv's table of signal watchers, see signal.h.
 *
 * They are put in and taken out by a child that shares our memory, and thereby the
 * table, but has dispositions of its own, as the child of vfork(2) does: what libuv
 * does to those ends with it. So there is no moment at which libuv's handler or SIG_DFL
 * is there instead of ours.
 *
 * The loop and its watchers are kept for the life of the process, at the cost of
 * its descriptors: libuv frees a watcher only when it has read all that it has
 * written for it, and of that some may be lost.
 */
#include "signal.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "glue/libuv.h"
#include "glue/owned.h"

#define STACK_SIZE 65536
/* A loop takes four, in the versions of libuv that there are. */
#define LOOP_DESCRIPTORS 8

static uv_loop_t *loop;
static uv_signal_t *anchors[SIGNAL_END];
/* sa_handler is NULL until it is known. */
static struct sigaction libuv_action;

static _Alignas(16) char stack[STACK_SIZE];

/* What the child is to do, and what came of it. */
struct step {
	uv_signal_t *anchor;
	int number;
	bool start;
	bool done;
	/* libuv has changed the disposition, to this: there are no other watchers. */
	bool changed;
	struct sigaction action;
};

static void
ignore(uv_signal_t *anchor, int number)
{
	(void)anchor;
	(void)number;
}

/* In the child, or at worst in the process itself: puts back what it finds. */
static int
take_step(void *data)
{
	struct step *step = data;
	struct sigaction before;

	sigaction(step->number, NULL, &before);
	if (step->start)
		uv_signal_start(step->anchor, ignore, step->number);
	else
		uv_signal_stop(step->anchor);
	sigaction(step->number, NULL, &step->action);
	step->changed = step->action.sa_handler != before.sa_handler;
	if (step->changed)
		sigaction(step->number, &before, NULL);
	step->done = true;
	return 0;
}

/* The child handles no signals, and its end is none: nobody waits for it but we. */
static void
take_step_apart(struct step *step)
{
	sigset_t all, saved;
	pid_t child;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	child = clone(take_step, stack + sizeof(stack), CLONE_VM | CLONE_VFORK, step);
	while (child > 0 && waitpid(child, NULL, __WALL) < 0 && errno == EINTR)
		continue;
	/*
	 * There may be no more processes, and emulators give no child our memory. Then the other
	 * threads see for a moment what libuv installs.
	 */
	if (!step->done)
		take_step(step);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

static int
fail(int status)
{
	errno = -status;
	return -1;
}

/* Whether a loop can be opened: libuv leaks what it has opened when it cannot open all. */
static bool
has_room(void)
{
	int fds[LOOP_DESCRIPTORS];
	int count = 0;

	while (count < LOOP_DESCRIPTORS && (fds[count] = eventfd(0, EFD_CLOEXEC)) >= 0)
		count++;
	close_all(fds, count);
	return count == LOOP_DESCRIPTORS;
}

static int
open_loop(void)
{
	uv_loop_t *made;
	int status;

	if (loop != NULL)
		return 0;
	if (!has_room())
		return -1;
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

/* Finds out what libuv installs, with an anchor that has yet to be used. */
static bool
learn(uv_signal_t *anchor)
{
	for (int number = SIGRTMAX; number >= SIGRTMIN; number--) {
		struct step start = { .anchor = anchor, .number = number, .start = true };
		struct step stop = { .anchor = anchor, .number = number };

		take_step_apart(&start);
		take_step_apart(&stop);
		if (start.changed) {
			libuv_action = start.action;
			return true;
		}
	}
	errno = EBUSY;
	return false;
}

int
anchor_prepare(int number)
{
	if (!libuv_here())
		return 0;
	if (make(number) < 0)
		return -1;
	return libuv_action.sa_handler != NULL || learn(anchors[number]) ? 0 : -1;
}

bool
anchor_set(int number, bool start)
{
	struct step step = { .anchor = anchors[number], .number = number, .start = start };

	if (step.anchor == NULL)
		return false;
	take_step_apart(&step);
	return !step.changed;
}

const struct sigaction *
anchor_action(void)
{
	return &libuv_action;
}

bool
anchor_is_libuv(const struct sigaction *action)
{
	return libuv_action.sa_handler != NULL && action->sa_handler == libuv_action.sa_handler;
}
