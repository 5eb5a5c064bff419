/*
 * The descriptors that somebody has made, an environment mostly, and the proof that a
 * number still is one of them, see owned.c.
 */
#ifndef KQUEUE_OWNED_H
#define KQUEUE_OWNED_H

#include <stdbool.h>
#include <stddef.h>

struct env_state;

/* Of each kind of proof there are two, so that the loss of one is no matter. */
#define OWNED_PROOFS 2

struct env_owned {
	int fd;
	/* The eventfd inside when this is a queue's descriptor, else -1. */
	int ready;
	/* It is an epoll instance, proved by what it holds. */
	bool nests;
};

struct ownership {
	struct env_owned *list;
	size_t count;
	size_t room;
	/* The rest is there. */
	bool provable;
	/* Epoll instances that hold what is none, and eventfds that each instance holds. */
	int registers[OWNED_PROOFS];
	int witnesses[OWNED_PROOFS];
};

/*
 * Takes over `fd`, the result of a system call. Answers `fd`, or -1 with errno
 * when that call or this one failed; the descriptor is closed then. `ready` is the
 * eventfd inside when it is a queue's descriptor, else -1.
 */
int owned_take(struct ownership *ownership, int fd, int ready);
/* Whether a number still is a descriptor that was taken over. */
bool owned_holds(const struct ownership *ownership, int fd);
/* Closes all that still is our own, and leaves nothing. */
void owned_end(struct ownership *ownership);

/* Of an environment: `owned_take`. */
int env_own(struct env_state *state, int fd, int ready);
/* NULL when `fd` is not owned. */
struct env_owned *env_find(struct env_state *state, int fd);
/* Whether a number that was owned is not any more, because others have closed it. */
bool env_lost(struct env_state *state, int fd);
/* Forgets the entry without closing its descriptor. */
void env_disown(struct env_state *state, struct env_owned *owned);
/*
 * Closes a descriptor that is owned, and forgets it. -1 with EBADF when it is not
 * owned, or when its number was closed by others and may be theirs by now.
 */
int env_close(struct env_state *state, int fd);

#endif
