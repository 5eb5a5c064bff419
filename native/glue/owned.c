/*
 * The descriptors that somebody has made.
 *
 * A program may close any of them, as those do that close all descriptors, and get
 * its number back for a file of its own. What is closed here is proved first:
 * epoll(7) names its members by open file and number, so that EPOLL_CTL_MOD fails
 * with ENOENT or EBADF unless the number still names the file that was added.
 *
 * - What is no epoll instance is in a register: an instance that nobody waits for.
 * - An epoll instance is in none, because Linux limits how deep they nest. It holds
 *   a witness: an eventfd that never fires.
 * - Registers and witnesses prove each other.
 */
#include "owned.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int
join(int epfd, int fd)
{
	struct epoll_event silent = { .events = 0, .data.fd = fd };

	/* The same open file may have had the number before, until somebody else closed it. */
	return epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &silent) == 0 || errno == EEXIST ? 0 : -1;
}

static bool
holds(int epfd, int fd)
{
	struct epoll_event silent = { .events = 0, .data.fd = fd };

	return epoll_ctl(epfd, EPOLL_CTL_MOD, fd, &silent) == 0;
}

/* Whether an epoll instance is one of ours. */
static bool
has_witness(const struct ownership *ownership, int epfd)
{
	for (int i = 0; i < OWNED_PROOFS; i++) {
		if (holds(epfd, ownership->witnesses[i]))
			return true;
	}
	return false;
}

static bool
is_registered(const struct ownership *ownership, int fd)
{
	for (int i = 0; i < OWNED_PROOFS; i++) {
		int reg = ownership->registers[i];

		if (has_witness(ownership, reg) && holds(reg, fd))
			return true;
	}
	return false;
}

static bool
is_ours(const struct ownership *ownership, const struct owned *owned)
{
	return owned->nests ? has_witness(ownership, owned->fd) :
	    is_registered(ownership, owned->fd);
}

/* Closes what is our own: its file may live on elsewhere, and in a register with it. */
static int
close_ours(const struct ownership *ownership, const struct owned *owned)
{
	for (int i = 0; i < OWNED_PROOFS && !owned->nests; i++) {
		if (has_witness(ownership, ownership->registers[i]))
			(void)epoll_ctl(ownership->registers[i], EPOLL_CTL_DEL, owned->fd, NULL);
	}
	return close(owned->fd);
}

static void
close_all(const int *fds, int count)
{
	int error = errno;

	for (int i = 0; i < count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	errno = error;
}

static bool
join_each_other(const struct ownership *ownership)
{
	for (int i = 0; i < OWNED_PROOFS; i++) {
		for (int k = 0; k < OWNED_PROOFS; k++) {
			if (join(ownership->registers[i], ownership->witnesses[k]) < 0)
				return false;
		}
	}
	return true;
}

static bool
open_proofs(struct ownership *ownership)
{
	bool complete = true;

	if (ownership->provable)
		return true;
	for (int i = 0; i < OWNED_PROOFS; i++) {
		ownership->registers[i] = complete ? epoll_create1(EPOLL_CLOEXEC) : -1;
		complete = ownership->registers[i] >= 0;
		ownership->witnesses[i] = complete ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;
		complete = ownership->witnesses[i] >= 0;
	}
	ownership->provable = complete && join_each_other(ownership);
	if (!ownership->provable) {
		close_all(ownership->registers, OWNED_PROOFS);
		close_all(ownership->witnesses, OWNED_PROOFS);
	}
	return ownership->provable;
}

/* 0, or -1 with errno when there is no way to prove it later. */
static int
make_provable(const struct ownership *ownership, struct owned *owned)
{
	bool proved = false;

	owned->nests = join(owned->fd, ownership->witnesses[0]) == 0;
	proved = owned->nests;
	/* Not an epoll instance, or the first witness was closed. */
	if (join(owned->fd, ownership->witnesses[1]) == 0)
		owned->nests = proved = true;
	for (int i = 0; i < OWNED_PROOFS && !owned->nests; i++)
		proved |= join(ownership->registers[i], owned->fd) == 0;
	return proved ? 0 : -1;
}

static struct owned *
find(const struct ownership *ownership, int fd)
{
	for (size_t i = 0; i < ownership->count; i++) {
		if (ownership->list[i].fd == fd)
			return &ownership->list[i];
	}
	return NULL;
}

const struct owned *
owned_find(const struct ownership *ownership, int fd)
{
	return find(ownership, fd);
}

void
owned_forget(struct ownership *ownership, int fd)
{
	struct owned *owned = find(ownership, fd);

	if (owned != NULL)
		*owned = ownership->list[--ownership->count];
}

static bool
make_room(struct ownership *ownership)
{
	size_t room = ownership->room == 0 ? 16 : ownership->room * 2;
	struct owned *grown;

	if (ownership->count < ownership->room)
		return true;
	grown = realloc(ownership->list, room * sizeof(*grown));
	if (grown == NULL) {
		errno = ENOMEM;
		return false;
	}
	ownership->list = grown;
	ownership->room = room;
	return true;
}

int
owned_take(struct ownership *ownership, int fd, int ready)
{
	struct owned owned = { .fd = fd, .ready = ready };

	if (fd < 0)
		return -1;
	/* The kernel gave us the number, so an older owner of it is long closed. */
	owned_forget(ownership, fd);
	if (!make_room(ownership) || !open_proofs(ownership) ||
	    make_provable(ownership, &owned) < 0) {
		close_all(&fd, 1);
		return -1;
	}
	ownership->list[ownership->count++] = owned;
	return fd;
}

bool
owned_holds(const struct ownership *ownership, int fd)
{
	const struct owned *owned = find(ownership, fd);

	return owned != NULL && is_ours(ownership, owned);
}

bool
owned_lost(const struct ownership *ownership, int fd)
{
	const struct owned *owned = find(ownership, fd);

	return owned != NULL && !is_ours(ownership, owned);
}

int
owned_close(struct ownership *ownership, int fd)
{
	const struct owned *owned = find(ownership, fd);
	int error = EBADF;

	if (owned != NULL && is_ours(ownership, owned))
		error = close_ours(ownership, owned) < 0 ? errno : 0;
	owned_forget(ownership, fd);
	if (ownership->count == 0)
		owned_end(ownership);
	errno = error;
	return error == 0 ? 0 : -1;
}

void
owned_end(struct ownership *ownership)
{
	int proofs[2 * OWNED_PROOFS];

	/* Then there is room at most, and nothing in it. */
	if (!ownership->provable) {
		free(ownership->list);
		*ownership = (struct ownership){ 0 };
		return;
	}
	for (size_t i = 0; i < ownership->count; i++) {
		if (is_ours(ownership, &ownership->list[i]))
			close(ownership->list[i].fd);
	}
	for (int i = 0; i < OWNED_PROOFS; i++) {
		int reg = ownership->registers[i], witness = ownership->witnesses[i];

		proofs[2 * i] = has_witness(ownership, reg) ? reg : -1;
		proofs[2 * i + 1] = is_registered(ownership, witness) ? witness : -1;
	}
	close_all(proofs, 2 * OWNED_PROOFS);
	free(ownership->list);
	*ownership = (struct ownership){ 0 };
}
