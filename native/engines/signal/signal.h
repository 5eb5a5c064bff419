/*
 * Counting signals for every environment of the process. The counts and the
 * handler are the process's; each environment that watches has an eventfd, which
 * becomes readable when a signal that it watches was delivered to any thread.
 */
#ifndef KQUEUE_SIGNAL_H
#define KQUEUE_SIGNAL_H

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

#endif
