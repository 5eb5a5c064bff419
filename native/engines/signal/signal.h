/*
 * Counting signals for every environment of the process. The counts and the
 * handler are the process's; each environment that watches has an eventfd, which
 * becomes readable when a signal that it watches was delivered to any thread.
 */
#ifndef KQUEUE_SIGNAL_H
#define KQUEUE_SIGNAL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* One more than the highest signal of Linux. */
#define SIGNAL_END 65

struct signal_watcher;

/*
 * What the copies of the package in a process use together, see copies.c: several handlers on one
 * signal would have to agree on who is on top and on what is left when they go. The first copy
 * that was loaded does it for all; to it an environment of another copy is one of its own.
 *
 * When the functions change, so does the name of the symbol.
 */
struct signal_floor {
	/* A watcher that is woken by writing to an eventfd; NULL for want of memory. */
	struct signal_watcher *(*open)(int fd);
	/* Gives back what it watches; its eventfd, which may be closed then. */
	int (*close)(struct signal_watcher *watcher);
	/* 0, or -1 with errno: EBADF for no watcher. */
	int (*watch)(struct signal_watcher *watcher, int number);
	void (*unwatch)(struct signal_watcher *watcher, int number);
	/* libuv is about to watch a signal for somebody. */
	void (*expect)(int number);
	/* Puts our handler back where it was replaced. */
	void (*check)(struct signal_watcher *watcher);
	/* How often each signal was delivered, SIGNAL_END numbers. */
	void (*counts)(int32_t *values);
};

#define SIGNAL_FLOOR kqueue_signals_1

extern const struct signal_floor SIGNAL_FLOOR;

/* That of the first copy. Hot after the first call. */
const struct signal_floor *copies_floor(void);

/* A delivery: counts it and wakes who watches. Async-signal-safe. */
void signal_arrived(int number);

/*
 * The dispositions of signals, which are the process's: sigaction(2), see disposition.c. A
 * signal is taken while somebody watches it: its deliveries are counted and then passed on
 * to whatever was there. The caller of these, and of those of anchors, holds the lock of signal.c.
 */

/* 0, or -1 with errno: EINVAL for a signal that nobody may catch. */
int disposition_take(int number);
/* Puts back what would be there had the signal not been taken. */
void disposition_give_back(int number);

/* Takes a signal again that somebody else has taken meanwhile. */
void disposition_check(int number);
/* libuv is about to watch a signal for somebody; without libuv, the runtime has begun or ended to. */
void disposition_expect(int number);

/*
 * Watchers of libuv that do nothing, see anchor.c: while there is one for a signal, libuv
 * leaves the signal's disposition alone when others come and go.
 *
 * libuv installs its handler with the first watcher of a signal in any loop and
 * puts SIG_DFL with the last, without a look at what is there. An anchor comes and
 * goes without either. Where there is no libuv there are no anchors and no other watchers.
 */

/* To be called before the others: 0, or -1 with errno. */
int anchor_prepare(int number);
/*
 * Becomes a watcher, or is none any more: whether there are others. The first is not certain
 * while libuv's handler is there, and for the other the signal must have a handler of ours.
 */
bool anchor_set(int number, bool start);

/* libuv's handler as libuv installs it; the default action where there is none. */
const struct sigaction *anchor_action(void);
/* Whether this is libuv's handler. */
bool anchor_is_libuv(const struct sigaction *action);

#endif
