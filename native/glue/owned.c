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
 * - What there are thousands of, and is waited for anyway, is proved by being in the instance
 *   that is waited for, of which there is a second number.
 */
#include "owned.h"

#include <errno.h>
#include <fcntl.h>
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

/* A number that still is the adopter, -1 when both were lost. */
static int
adopter(const struct ownership *ownership)
{
	for (int i = 0; i < OWNED_PROOFS && ownership->adopts; i++) {
		if (has_witness(ownership, ownership->adopter[i]))
			return ownership->adopter[i];
	}
	return -1;
}

static bool
is_ours(const struct ownership *ownership, int fd)
{
	switch (ownership->list[fd].proof) {
	case OWNED_REGISTERED:
		return is_registered(ownership, fd);
	case OWNED_NESTS:
		return has_witness(ownership, fd);
	case OWNED_ADOPTED:
		return holds(adopter(ownership), fd);
	case OWNED_BARE:
		return true;
	case OWNED_NOT:
		break;
	}
	return false;
}

/* Closes what is our own: its file may live on elsewhere, and in a register with it. */
static int
close_ours(const struct ownership *ownership, int fd)
{
	enum owned_proof proof = ownership->list[fd].proof;

	for (int i = 0; i < OWNED_PROOFS && proof == OWNED_REGISTERED; i++) {
		if (has_witness(ownership, ownership->registers[i]))
			(void)epoll_ctl(ownership->registers[i], EPOLL_CTL_DEL, fd, NULL);
	}
	if (proof == OWNED_ADOPTED)
		(void)epoll_ctl(adopter(ownership), EPOLL_CTL_DEL, fd, NULL);
	return close(fd);
}

void
close_all(const int *fds, int count)
{
	int error = errno;

	for (int i = 0; i < count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	errno = error;
}

int
close_quietly(int fd)
{
	close_all(&fd, 1);
	return -1;
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

/* How it can be proved later: OWNED_NOT with errno when there is no way. */
static enum owned_proof
make_provable(const struct ownership *ownership, int fd)
{
	bool nests = join(fd, ownership->witnesses[0]) == 0, registered = false;

	/* Not an epoll instance, or the first witness was closed. */
	nests |= join(fd, ownership->witnesses[1]) == 0;
	if (nests)
		return OWNED_NESTS;
	for (int i = 0; i < OWNED_PROOFS; i++)
		registered |= join(ownership->registers[i], fd) == 0;
	return registered ? OWNED_REGISTERED : OWNED_NOT;
}

struct owned *
owned_find(const struct ownership *ownership, int fd)
{
	bool known = fd >= 0 && (size_t)fd < ownership->room &&
	    ownership->list[fd].proof != OWNED_NOT;

	return known ? &ownership->list[fd] : NULL;
}

void
owned_forget(struct ownership *ownership, int fd)
{
	struct owned *owned = owned_find(ownership, fd);

	if (owned == NULL)
		return;
	owned->proof = OWNED_NOT;
	ownership->count--;
}

static bool
make_room(struct ownership *ownership, int fd)
{
	size_t room = ownership->room == 0 ? 64 : ownership->room;
	struct owned *grown;

	while (room <= (size_t)fd)
		room *= 2;
	if (room == ownership->room)
		return true;
	grown = realloc(ownership->list, room * sizeof(*grown));
	if (grown == NULL) {
		errno = ENOMEM;
		return false;
	}
	for (size_t i = ownership->room; i < room; i++)
		grown[i] = (struct owned){ .ready = -1, .proof = OWNED_NOT };
	ownership->list = grown;
	ownership->room = room;
	return true;
}

static int
take(struct ownership *ownership, int fd, struct owned owned)
{
	bool made;

	if (fd < 0)
		return -1;
	/* The kernel gave us the number, so an older owner of it is long closed. */
	owned_forget(ownership, fd);
	made = make_room(ownership, fd) && open_proofs(ownership);
	if (made && owned.proof == OWNED_NOT)
		owned.proof = make_provable(ownership, fd);
	if (!made || owned.proof == OWNED_NOT)
		return close_quietly(fd);
	ownership->list[fd] = owned;
	ownership->count++;
	return fd;
}

int
owned_take(struct ownership *ownership, int fd, int ready)
{
	return take(ownership, fd, (struct owned){ .ready = ready, .proof = OWNED_NOT });
}

int
owned_take_bare(struct ownership *ownership, int fd)
{
	return take(ownership, fd, (struct owned){ .ready = -1, .proof = OWNED_BARE });
}

void
owned_adopt(struct ownership *ownership, int fd)
{
	struct owned *owned = owned_find(ownership, fd);

	if (owned != NULL && owned->proof == OWNED_BARE)
		owned->proof = OWNED_ADOPTED;
}

bool
owned_strayed(const struct ownership *ownership, int fd)
{
	const struct owned *owned = owned_find(ownership, fd);

	return owned != NULL && owned->proof == OWNED_ADOPTED && !is_ours(ownership, fd);
}

void
owned_release(struct ownership *ownership, int fd)
{
	struct owned *owned = owned_find(ownership, fd);

	if (owned != NULL && owned->proof == OWNED_ADOPTED &&
	    epoll_ctl(adopter(ownership), EPOLL_CTL_DEL, fd, NULL) == 0)
		owned->proof = OWNED_BARE;
}

bool
owned_holds(const struct ownership *ownership, int fd)
{
	return owned_find(ownership, fd) != NULL && is_ours(ownership, fd);
}

bool
owned_lost(const struct ownership *ownership, int fd)
{
	return owned_find(ownership, fd) != NULL && !is_ours(ownership, fd);
}

static void
end_adopter(struct ownership *ownership)
{
	bool adopts = ownership->adopts;

	ownership->adopts = false;
	if (adopts)
		(void)owned_close(ownership, ownership->adopter[1]);
}

void
owned_set_adopter(struct ownership *ownership, int epfd)
{
	end_adopter(ownership);
	ownership->adopter[0] = epfd;
	/* Where there is no second number the first has to do. */
	ownership->adopter[1] = owned_take(ownership, fcntl(epfd, F_DUPFD_CLOEXEC, 0), -1);
	ownership->adopts = true;
}

int
owned_close(struct ownership *ownership, int fd)
{
	int error = EBADF;

	if (ownership->adopts && fd == ownership->adopter[0])
		end_adopter(ownership);

	if (owned_holds(ownership, fd))
		error = close_ours(ownership, fd) < 0 ? errno : 0;
	owned_forget(ownership, fd);
	if (ownership->count == 0)
		owned_end(ownership);
	errno = error;
	return error == 0 ? 0 : -1;
}

static void
close_proofs(struct ownership *ownership)
{
	int proofs[2 * OWNED_PROOFS];

	for (int i = 0; i < OWNED_PROOFS; i++) {
		int reg = ownership->registers[i], witness = ownership->witnesses[i];

		proofs[2 * i] = has_witness(ownership, reg) ? reg : -1;
		proofs[2 * i + 1] = is_registered(ownership, witness) ? witness : -1;
	}
	close_all(proofs, 2 * OWNED_PROOFS);
}

void
owned_end(struct ownership *ownership)
{
	/* What was adopted goes first, as long as the adopter can prove it. */
	for (size_t i = 0; i < ownership->room; i++) {
		if (ownership->list[i].proof == OWNED_ADOPTED && is_ours(ownership, (int)i))
			close((int)i);
	}
	for (size_t i = 0; i < ownership->room; i++) {
		if (ownership->list[i].proof != OWNED_ADOPTED && is_ours(ownership, (int)i))
			close((int)i);
	}
	/* Where nothing is provable there is room at most, and nothing in it. */
	if (ownership->provable)
		close_proofs(ownership);
	free(ownership->list);
	*ownership = (struct ownership){ 0 };
}
