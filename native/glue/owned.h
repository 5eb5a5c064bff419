/*
 * The descriptors that somebody has made, an environment mostly, and the proof that a
 * number still is one of them, see owned.c.
 */
#ifndef KQUEUE_OWNED_H
#define KQUEUE_OWNED_H

#include <stdbool.h>
#include <stddef.h>

/* Of each kind of proof there are two, so that the loss of one is no matter. */
#define OWNED_PROOFS 2

/* How it is proved that a number still is what was taken over. */
enum owned_proof {
	/* It is not: the number was not taken over. */
	OWNED_NOT,
	/* By the registers that it is in. */
	OWNED_REGISTERED,
	/* By what it holds: it is an epoll instance. */
	OWNED_NESTS,
	/* By the instance that has adopted it, see `owned_adopt`. */
	OWNED_ADOPTED,
	/* Not at all: nobody else had a turn since it was made, or was proved. */
	OWNED_BARE
};

struct owned {
	/* The eventfd inside when this is a queue's descriptor, else -1. */
	int ready;
	enum owned_proof proof;
};

struct ownership {
	/* By descriptor. */
	struct owned *list;
	size_t count;
	size_t room;
	/* Whether there is an epoll instance that adopts, and two numbers of it. */
	bool adopts;
	int adopter[OWNED_PROOFS];
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
/* The same for what is to be adopted, or closed, before anybody else has a turn. */
int owned_take_bare(struct ownership *ownership, int fd);
/*
 * An epoll instance that was taken over adopts from now on, with what it has adopted already
 * where it follows another.
 */
void owned_set_adopter(struct ownership *ownership, int epfd);
/*
 * A descriptor is in the adopter from now on, or is about to leave it: a proof that costs
 * nothing. Where the number is not what it was, it stays adopted, and will not be closed.
 */
void owned_adopt(struct ownership *ownership, int fd);
void owned_release(struct ownership *ownership, int fd);
/* Whether a number that was adopted is not that any more: another adopter may not have it. */
bool owned_strayed(const struct ownership *ownership, int fd);
/* NULL when `fd` was not taken over. */
struct owned *owned_find(const struct ownership *ownership, int fd);
/* Whether a number still is a descriptor that was taken over. */
bool owned_holds(const struct ownership *ownership, int fd);
/* Whether a number that was taken over is not that any more, because others have closed it. */
bool owned_lost(const struct ownership *ownership, int fd);
/* Forgets a descriptor without closing it. */
void owned_forget(struct ownership *ownership, int fd);
/*
 * Closes a descriptor and forgets it. -1 with EBADF when it is not owned, or when its
 * number was closed by others and may be theirs by now.
 */
int owned_close(struct ownership *ownership, int fd);
/* close(2) that leaves errno as it is: -1, the answer of who has failed. */
int close_quietly(int fd);
/* The same for many, of which those below 0 are none. */
void close_all(const int *fds, int count);
/* Closes all that still is our own, and leaves nothing. */
void owned_end(struct ownership *ownership);

#endif
