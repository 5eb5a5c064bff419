/*
 * Taking signals and giving them back, see disposition.h.
 *
 * Three handlers can meet on one signal: ours on top, libuv's for process.on(),
 * and one that somebody installed by sigaction(2), such as the one that starts
 * Node's debugger. An anchor keeps libuv from replacing ours, and we call libuv's,
 * which does nothing while nobody listens. Without us libuv would replace the
 * third, so that one is called until the first listener comes, and the signal has no
 * anchor until then: libuv replaces ours where we do not hear of the listener.
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
	/* Somebody had put SIG_IGN or SIG_DFL over libuv's handler: who listened heard nothing. */
	bool deaf;
	/* What would be there without us; with an anchor libuv knows what became of that. */
	struct sigaction own;
	/* Who is called after us, or NULL. */
	_Atomic(handler) target;
	/* What somebody has put over ours, and may call us; and who was the target until then. */
	handler over;
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
	signal_arrived(number);
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

/* Whom to call for a signal that is treated in this way. */
static handler
target_of(const struct sigaction *action)
{
	if (is_default(action) || is_ignored(action) || is_last_rites(action))
		return NULL;
	return action->sa_sigaction;
}

/* Whether somebody has installed a handler by sigaction(2). */
static bool
is_foreign(const struct sigaction *action)
{
	return target_of(action) != NULL && !anchor_is_libuv(action);
}

/* How the kernel is to treat the process and its children: as it did. */
static int
flags_like(int number, const struct sigaction *action)
{
	int flags = SA_SIGINFO | SA_ONSTACK;

	flags |= is_foreign(action) ? action->sa_flags & SA_RESTART : SA_RESTART;
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

/* libuv's handler is the one that we call from now on. Whether it had watchers. */
static bool
join_libuv(int number)
{
	struct disposition *disposition = &dispositions[number];
	bool watched = !disposition->anchored && anchor_start(number);

	disposition->anchored = true;
	disposition->deaf = false;
	atomic_store(&disposition->target, anchor_action()->sa_sigaction);
	return watched;
}

/* libuv has watchers, perhaps since just now. */
static void
respect_watchers(int number)
{
	struct disposition *disposition = &dispositions[number];
	struct sigaction now;

	if (sigaction(number, NULL, &now) < 0 || is_ours(&now))
		return;
	disposition->own = now;
	disposition->deaf = !anchor_is_libuv(&now);
	if (disposition->deaf)
		atomic_store(&disposition->target, target_of(&now));
}

/* Takes a signal whose disposition is `now`. */
static int
take(int number, const struct sigaction *now)
{
	dispositions[number].own = *now;
	if (is_foreign(now))
		atomic_store(&dispositions[number].target, target_of(now));
	else if (join_libuv(number))
		respect_watchers(number);
	return install(number, now);
}

int
disposition_take(int number)
{
	struct disposition *disposition = &dispositions[number];
	struct sigaction now;
	int error;

	if (sigaction(number, NULL, &now) < 0 || anchor_prepare(number) < 0)
		return -1;
	/* Somebody else may have put back ours, which he found long ago. */
	if (is_ours(&now))
		now = disposition->own;
	if (target_of(&now) != disposition->over) {
		disposition->over = NULL;
		atomic_store(&disposition->below, NULL);
	}
	disposition->taken = true;
	if (take(number, &now) == 0)
		return 0;
	error = errno;
	disposition_give_back(number);
	errno = error;
	return -1;
}

void
disposition_check(int number)
{
	struct disposition *disposition = &dispositions[number];
	handler below = atomic_load(&disposition->target);
	struct sigaction now;

	if (!disposition->taken || sigaction(number, NULL, &now) < 0 || is_ours(&now))
		return;
	if (is_foreign(&now) && target_of(&now) != below) {
		disposition->over = target_of(&now);
		atomic_store(&disposition->below, below);
	}
	take(number, &now);
}

void
disposition_expect(int number)
{
	struct disposition *disposition = &dispositions[number];

	if (!disposition->taken)
		return;
	disposition_check(number);
	/* Without us libuv's handler would replace whatever is there. */
	disposition->own = *anchor_action();
	join_libuv(number);
	install(number, anchor_action());
}

/* What would be there without us. libuv knows what became of its own handler. */
static struct sigaction
without_us(int number, bool anchored)
{
	static const struct sigaction by_default = { .sa_handler = SIG_DFL };
	const struct sigaction *own = &dispositions[number].own;
	bool watched = anchored && anchor_stop(number);

	if (watched && !dispositions[number].deaf && !is_foreign(own))
		return *anchor_action();
	return anchor_is_libuv(own) ? by_default : *own;
}

void
disposition_give_back(int number)
{
	struct disposition *disposition = &dispositions[number];
	struct sigaction last, now;

	if (!disposition->taken)
		return;
	last = without_us(number, disposition->anchored);
	disposition->taken = disposition->anchored = false;
	/* Somebody has replaced ours, perhaps just now. */
	if (sigaction(number, NULL, &now) == 0 && is_ours(&now) &&
	    sigaction(number, &last, &now) == 0 && !is_ours(&now))
		sigaction(number, &now, NULL);
	/* What stays over us is not to be called by us as well. */
	if (disposition->over != NULL && target_of(&last) == disposition->over)
		atomic_store(&disposition->target, atomic_load(&disposition->below));
}
