/*
 * Taking signals and giving them back, see disposition.h.
 *
 * Three handlers can meet on one signal: ours on top, libuv's for process.on(),
 * and one that somebody installed by sigaction(2), such as the one that starts
 * Node's debugger. An anchor keeps libuv from replacing ours. Without us libuv
 * would replace the third, so that one is called only while libuv has no watcher:
 * a signal that has such a handler, or is ignored, gets its anchor when the first
 * watcher comes. An anchor from the beginning would do harm in the end, too: with
 * it libuv would put SIG_DFL for a moment, and the process could die of that.
 */
#include "disposition.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "anchor.h"
#include "signal.h"

/* All handlers are called as the kernel does it, also those that take only the number. */
typedef void (*handler)(int, siginfo_t *, void *);

struct disposition {
	bool taken;
	bool anchored;
	/* What would be there without us; with an anchor libuv knows what became of that. */
	struct sigaction own;
	/* Who is called after us, or NULL. */
	_Atomic(handler) target;
	/* The target of the time before somebody put a handler over ours: it may call us. */
	_Atomic(handler) below;
};

static struct disposition dispositions[SIGNAL_END];

/*
 * The signal that this thread is handling, 0 for none, and whether it has come back to us.
 * Allocated with the thread, since a handler must not allocate.
 */
struct delivery {
	int number;
	bool back;
};

#ifdef __GLIBC__
__attribute__((tls_model("initial-exec")))
#endif
static _Thread_local struct delivery current;

static void
call(const _Atomic(handler) *where, int number, siginfo_t *info, void *context)
{
	handler called = atomic_load(where);

	if (called != NULL)
		called(number, info, context);
}

/* Async-signal-safe. All signals are blocked meanwhile. */
static void
on_signal(int number, siginfo_t *info, void *context)
{
	struct disposition *disposition = &dispositions[number];
	struct delivery outer = current;
	int error = errno;

	if (outer.number == number) {
		/* From a handler that we have called, for which we are what was there before. */
		current.back = true;
		if (!outer.back)
			call(&disposition->below, number, info, context);
		return;
	}
	current = (struct delivery){ .number = number };
	signal_arrived(number, 1);
	call(&disposition->target, number, info, context);
	current = outer;
	errno = error;
}

static bool
is_ours(const struct sigaction *action)
{
	return action->sa_sigaction == on_signal;
}

static bool
is_ignored(const struct sigaction *action)
{
	return action->sa_handler == SIG_IGN;
}

static bool
is_default(const struct sigaction *action)
{
	return action->sa_handler == SIG_DFL;
}

/*
 * Whether a handler stands in for the default action: Node's for SIGINT and
 * SIGTERM puts the terminal back and sends the signal again.
 */
static bool
is_last_rites(const struct sigaction *action)
{
	return !is_default(action) && !is_ignored(action) && !anchor_is_libuv(action) &&
	    action->sa_flags & SA_RESETHAND;
}

static bool
wants_anchor(const struct sigaction *action)
{
	return is_default(action) || is_last_rites(action) || anchor_is_libuv(action);
}

/* Whom to call for a signal that is treated in this way. */
static handler
target_of(const struct sigaction *action)
{
	if (is_default(action) || is_ignored(action) || is_last_rites(action))
		return NULL;
	return action->sa_sigaction;
}

/* How the kernel is to treat the process and its children: as it did. */
static int
flags_like(int number, const struct sigaction *action)
{
	bool catches = !is_default(action) && !is_ignored(action);
	int flags = SA_SIGINFO | SA_ONSTACK;

	flags |= catches ? action->sa_flags & SA_RESTART : SA_RESTART;
	if (number == SIGCHLD)
		flags |= is_ignored(action) ? SA_NOCLDWAIT :
		    action->sa_flags & (SA_NOCLDSTOP | SA_NOCLDWAIT);
	return flags;
}

static int
install(int number, const struct sigaction *like)
{
	struct sigaction ours;

	memset(&ours, 0, sizeof(ours));
	ours.sa_sigaction = on_signal;
	ours.sa_flags = flags_like(number, like);
	sigfillset(&ours.sa_mask);
	return sigaction(number, &ours, NULL);
}

/*
 * Anchors a signal that libuv does not watch. libuv's handler is there alone for a
 * moment; what comes to that is counted, so that nothing vanishes between what was
 * there and us.
 */
static int
anchor_unwatched(int number)
{
	if (anchor_start(number) < 0)
		return -1;
	if (install(number, anchor_action()) < 0) {
		int error = errno;

		anchor_stop(number);
		errno = error;
		return -1;
	}
	dispositions[number].anchored = true;
	signal_arrived(number, anchor_settle());
	return 0;
}

/* Anchors a signal that libuv watches: those who listen are not to miss one. */
static int
anchor_watched(int number)
{
	struct disposition *disposition = &dispositions[number];

	if (!disposition->anchored && anchor_start(number) < 0)
		return -1;
	disposition->anchored = true;
	return install(number, anchor_action());
}

/* Takes a signal whose disposition is `now`. */
static int
take(int number, const struct sigaction *now)
{
	struct disposition *disposition = &dispositions[number];
	handler libuv = anchor_action()->sa_sigaction;

	disposition->own = *now;
	if (!wants_anchor(now)) {
		atomic_store(&disposition->target, target_of(now));
		return install(number, now);
	}
	if (disposition->anchored || anchor_is_libuv(now)) {
		atomic_store(&disposition->target, libuv);
		return anchor_watched(number);
	}
	atomic_store(&disposition->target, NULL);
	if (anchor_unwatched(number) < 0)
		return -1;
	/* Not before, or libuv would tell the anchor of what we have counted. */
	atomic_store(&disposition->target, libuv);
	return 0;
}

int
disposition_take(int number)
{
	struct disposition *disposition = &dispositions[number];
	struct sigaction now;

	if (sigaction(number, NULL, &now) < 0 || anchor_action() == NULL)
		return -1;
	/* Somebody else may have put back ours, which he found long ago. */
	if (is_ours(&now))
		now = disposition->own;
	atomic_store(&disposition->below, NULL);
	if (take(number, &now) < 0)
		return -1;
	disposition->taken = true;
	return 0;
}

void
disposition_check(int number)
{
	struct disposition *disposition = &dispositions[number];
	struct sigaction now;

	if (!disposition->taken || sigaction(number, NULL, &now) < 0 || is_ours(&now))
		return;
	if (!wants_anchor(&now) && target_of(&now) != NULL &&
	    target_of(&now) != atomic_load(&disposition->target))
		atomic_store(&disposition->below, atomic_load(&disposition->target));
	take(number, &now);
}

void
disposition_expect(int number)
{
	struct disposition *disposition = &dispositions[number];

	if (!disposition->taken)
		return;
	disposition_check(number);
	if (!disposition->anchored && anchor_unwatched(number) < 0)
		return;
	/* Without us libuv's handler would replace whatever is there. */
	disposition->own = *anchor_action();
	atomic_store(&disposition->target, disposition->own.sa_sigaction);
}

/* What only libuv can put back: its handler while it has watchers, else SIG_DFL. */
static void
leave_to_libuv(int number, const struct sigaction *last)
{
	struct sigaction now;

	sigaction(number, anchor_action(), NULL);
	anchor_stop(number);
	if (!is_last_rites(last) || sigaction(number, NULL, &now) < 0 || !is_default(&now))
		return;
	/* A watcher may come right now. */
	if (sigaction(number, last, &now) == 0 && !is_default(&now))
		sigaction(number, &now, NULL);
}

void
disposition_give_back(int number)
{
	struct disposition *disposition = &dispositions[number];
	bool anchored = disposition->anchored;
	struct sigaction last;

	if (!disposition->taken)
		return;
	disposition->taken = disposition->anchored = false;
	if (sigaction(number, NULL, &last) < 0 || is_ours(&last))
		last = disposition->own;
	if (anchored && wants_anchor(&last)) {
		leave_to_libuv(number, &last);
		return;
	}
	if (anchored)
		anchor_stop(number);
	sigaction(number, &last, NULL);
}
