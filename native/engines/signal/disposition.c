/*
 * Taking signals and giving them back, see signal.h.
 *
 * Three handlers can meet on one signal: ours on top, libuv's for process.on(),
 * and one that somebody installed by sigaction(2), such as the one that starts
 * Node's debugger. An anchor keeps libuv from replacing ours, and we call libuv's,
 * which does nothing while nobody listens. Without us libuv would replace the
 * third, so that one is called until the first listener comes, and the signal has no
 * anchor until then: libuv replaces ours where we do not hear of the listener.
 *
 * Where there is no libuv, what a runtime installs for its listeners is of the third kind:
 * it replaces ours, and we go over it when we hear of the listener. With the last one Bun puts
 * SIG_DFL there, finds that it has replaced somebody else's, and puts ours back, with its flags.
 */
#include "signal.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "glue/libuv.h"

/* All handlers are called as the kernel does it, also those that take only the number. */
typedef void (*handler)(int, siginfo_t *, void *);

/* What a call of ours does in place of what it replaced. A handler may read it meanwhile. */
struct reaction {
	/* The default action, SIG_IGN or a handler. */
	_Atomic(handler) act;
	/* A handler that stands in for the default action and is to be called before it, or NULL. */
	_Atomic(handler) rites;
};

struct disposition {
	/* Somebody watches. */
	atomic_bool taken;
	/* Ours has been installed: others may have saved it, and call it or put it back. */
	bool known;
	bool anchored;
	/* Somebody had put SIG_IGN or SIG_DFL over libuv's handler: who listened heard nothing. */
	bool deaf;
	/* What would be there without us; with an anchor libuv knows what became of that. */
	struct sigaction own;
	/* What was there before `own`, when that was put over ours and may call us. */
	struct sigaction under;
	/* `own` does call us, or is taken to. */
	atomic_bool chained;
	/* Who is called after us while the signal is taken, or NULL. */
	_Atomic(handler) target;
	/* What a call does that comes back to us from the one that we have called. */
	struct reaction below;
	/* What a call does while the signal is not taken, and the same for who takes it again. */
	struct reaction rest;
	struct sigaction resting;
};

static struct disposition dispositions[SIGNAL_END];

static const struct sigaction by_default = { .sa_handler = SIG_DFL };
static const struct sigaction ignored = { .sa_handler = SIG_IGN };

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

static void on_signal(int number, siginfo_t *info, void *context);

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

static void
react_like(struct reaction *reaction, const struct sigaction *action)
{
	bool rites = is_last_rites(action);

	atomic_store(&reaction->rites, rites ? action->sa_sigaction : NULL);
	atomic_store(&reaction->act, rites ? by_default.sa_sigaction : action->sa_sigaction);
}

/* Whether a handler is to be called, and is. */
static bool
call(handler called, int number, siginfo_t *info, void *context)
{
	if (called == ignored.sa_sigaction || called == by_default.sa_sigaction)
		return false;
	called(number, info, context);
	return true;
}

static bool
is_harmless_by_default(int number)
{
	return number == SIGCHLD || number == SIGCONT || number == SIGURG || number == SIGWINCH;
}

/*
 * Only the kernel can do the default action, with SIG_DFL there. That stays in our place; over
 * a handler that has called us it goes when the process has stopped and continued.
 */
static void
act_by_default(int number, handler rites, siginfo_t *info, void *context)
{
	struct sigaction former, now;
	sigset_t set, saved;

	if (is_harmless_by_default(number))
		return;
	sigaction(number, &by_default, &former);
	/* Real-time signals of raise(3) are refused where too many are pending, those of kill(2) never. */
	if (rites != NULL)
		rites(number, info, context);
	else if (raise(number) != 0)
		kill(getpid(), number);
	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_sigmask(SIG_UNBLOCK, &set, &saved);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (!is_ours(&former) && sigaction(number, NULL, &now) == 0 && is_default(&now))
		sigaction(number, &former, NULL);
}

static void
react(const struct reaction *reaction, int number, siginfo_t *info, void *context)
{
	handler act = atomic_load(&reaction->act);

	if (!call(act, number, info, context) && act == by_default.sa_sigaction)
		act_by_default(number, atomic_load(&reaction->rites), info, context);
}

/* A handler that we have called calls us, for we are what it has found. */
static void
come_back(struct disposition *disposition, int number, siginfo_t *info, void *context)
{
	atomic_store(&disposition->chained, true);
	if (atomic_load(&disposition->taken))
		call(atomic_load(&disposition->below.act), number, info, context);
	else
		react(&disposition->below, number, info, context);
}

/*
 * Async-signal-safe. All signals are blocked meanwhile. It is called also when nobody watches
 * any more: by who has saved it and put it back, and by handlers that were put over it.
 */
static void
on_signal(int number, siginfo_t *info, void *context)
{
	struct disposition *disposition = &dispositions[number];
	struct delivery outer = current;
	int error = errno;

	if (outer.number == number) {
		current.back = true;
		if (!outer.back)
			come_back(disposition, number, info, context);
		return;
	}
	current = (struct delivery){ .number = number };
	if (atomic_load(&disposition->taken)) {
		signal_arrived(number);
		call(atomic_load(&disposition->target), number, info, context);
	} else {
		react(&disposition->rest, number, info, context);
	}
	current = outer;
	errno = error;
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
	bool watched = !disposition->anchored && anchor_set(number, true);

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
	/* Not before: a call that began while the signal was last taken may be on its way still. */
	atomic_store(&dispositions[number].taken, true);
	if (install(number, now) < 0)
		return -1;
	dispositions[number].known = true;
	return 0;
}

/* Who calls us back gets what was there `before` the handler that we are about to go over. */
static void
go_under(struct disposition *disposition, const struct sigaction *before, bool chained)
{
	disposition->under = *before;
	react_like(&disposition->below, before);
	atomic_store(&disposition->chained, chained);
}

/* What is there, of which ours stands for what it replaced, as a signal is taken anew. */
static void
look_beneath(struct disposition *disposition, struct sigaction *now)
{
	bool same = target_of(now) == target_of(&disposition->own);

	/* Somebody has put back ours, which he found long ago. */
	if (is_ours(now))
		*now = disposition->resting;
	if (!disposition->known || !is_foreign(now) ||
	    target_of(now) == target_of(&disposition->resting))
		go_under(disposition, &ignored, false);
	else if (!same || !atomic_load(&disposition->chained))
		go_under(disposition, &disposition->resting, false);
}

int
disposition_take(int number)
{
	struct disposition *disposition = &dispositions[number];
	struct sigaction now;
	int error;

	if (sigaction(number, NULL, &now) < 0 || anchor_prepare(number) < 0)
		return -1;
	look_beneath(disposition, &now);
	if (take(number, &now) == 0)
		return 0;
	error = errno;
	disposition_give_back(number);
	errno = error;
	return -1;
}

/* The runtime has ended to listen: its handler is not called any more. */
static void
become_default(int number)
{
	struct disposition *disposition = &dispositions[number];

	disposition->own = by_default;
	go_under(disposition, &ignored, false);
	atomic_store(&disposition->target, NULL);
	install(number, &by_default);
}

void
disposition_check(int number)
{
	struct disposition *disposition = &dispositions[number];
	struct sigaction now;

	if (!atomic_load(&disposition->taken) || sigaction(number, NULL, &now) < 0)
		return;
	if (is_ours(&now)) {
		if (!libuv_here() && !(now.sa_flags & SA_SIGINFO))
			become_default(number);
		return;
	}
	if (is_foreign(&now) && target_of(&now) != atomic_load(&disposition->target)) {
		go_under(disposition, &disposition->own, true);
		/* Its listeners are called by libuv's handler, whatever was there before they came. */
		if (disposition->anchored)
			atomic_store(&disposition->below.act, atomic_load(&disposition->target));
	} else if (!is_foreign(&now)) {
		go_under(disposition, &ignored, false);
	}
	take(number, &now);
}

void
disposition_expect(int number)
{
	struct disposition *disposition = &dispositions[number];

	if (!atomic_load(&disposition->taken))
		return;
	disposition_check(number);
	if (!libuv_here())
		return;
	/* Without us libuv's handler would replace whatever is there. */
	disposition->own = *anchor_action();
	atomic_store(&disposition->chained, false);
	join_libuv(number);
	install(number, anchor_action());
}

/* What became of `action` meanwhile. libuv knows what became of its own handler. */
static const struct sigaction *
outcome(const struct disposition *disposition, const struct sigaction *action, bool watched)
{
	if (watched && !disposition->deaf && !is_foreign(action))
		return anchor_action();
	return anchor_is_libuv(action) ? &by_default : action;
}

void
disposition_give_back(int number)
{
	struct disposition *disposition = &dispositions[number];
	struct sigaction now;
	bool watched;

	if (!libuv_here())
		disposition_check(number);
	if (!atomic_load(&disposition->taken))
		return;
	watched = disposition->anchored && anchor_set(number, false);
	disposition->anchored = false;
	disposition->own = *outcome(disposition, &disposition->own, watched);
	disposition->under = *outcome(disposition, &disposition->under, watched);
	react_like(&disposition->below, &disposition->under);
	/* What stays over us is not to be called by us as well. */
	disposition->resting = atomic_load(&disposition->chained) ? disposition->under :
	    disposition->own;
	react_like(&disposition->rest, &disposition->resting);
	atomic_store(&disposition->taken, false);
	/* Somebody has replaced ours, perhaps just now. */
	if (sigaction(number, NULL, &now) == 0 && is_ours(&now) &&
	    sigaction(number, &disposition->own, &now) == 0 && !is_ours(&now))
		sigaction(number, &now, NULL);
}
