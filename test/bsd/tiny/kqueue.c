/* See sys/event.h beside this. Queues are for one thread. */
#include <sys/event.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct note {
	int kq;
	/* What is watched: the descriptor itself, or one of our own. */
	int fd;
	bool disabled;
	struct kevent kev;
	struct note *next;
};

/* Of each thread, as its queues are. */
static _Thread_local struct note *notes;

int
kqueue(void)
{
	return epoll_create1(EPOLL_CLOEXEC);
}

static int
control(const struct note *note, int operation)
{
	struct epoll_event event = { .events = 0, .data.ptr = (void *)note };

	if (!note->disabled)
		event.events = EPOLLIN | (note->kev.flags & EV_CLEAR ? EPOLLET : 0u);
	return epoll_ctl(note->kq, operation, note->fd, &event);
}

static void
drop(struct note *note)
{
	struct note **link = &notes;

	while (*link != note)
		link = &(*link)->next;
	*link = note->next;
	(void)control(note, EPOLL_CTL_DEL);
	if (note->kev.filter != EVFILT_READ)
		close(note->fd);
	free(note);
}

static int
open_note(const struct kevent *kev)
{
	switch (kev->filter) {
	case EVFILT_READ:
		return (int)kev->ident;
	case EVFILT_USER:
		return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	case EVFILT_TIMER:
		return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	case EVFILT_PROC:
		/* As of a process that is not the caller's: its status is not told. */
		if (kev->fflags & NOTE_EXITSTATUS && kev->ident == (uintptr_t)getppid()) {
			errno = EACCES;
			return -1;
		}
		return (int)syscall(SYS_pidfd_open, (pid_t)kev->ident, 0);
	default:
		errno = EINVAL;
		return -1;
	}
}

static struct note *
find(int kq, const struct kevent *kev)
{
	struct note *note = notes;

	while (note != NULL && (note->kq != kq || note->kev.filter != kev->filter ||
	           note->kev.ident != kev->ident))
		note = note->next;
	/* A descriptor that was closed has gone from epoll by itself. */
	if (note != NULL && control(note, EPOLL_CTL_MOD) < 0) {
		drop(note);
		return NULL;
	}
	return note;
}

static struct note *
add(int kq, const struct kevent *kev)
{
	struct note *note = calloc(1, sizeof(*note));

	note->kq = kq;
	note->kev = *kev;
	note->kev.flags &= (uint16_t)~(EV_ADD | EV_ENABLE | EV_DISABLE);
	note->disabled = (kev->flags & EV_DISABLE) != 0;
	note->fd = open_note(kev);
	if (note->fd < 0 || control(note, EPOLL_CTL_ADD) < 0) {
		free(note);
		return NULL;
	}
	note->next = notes;
	notes = note;
	return note;
}

static void
set_timer(const struct note *note)
{
	int64_t unit = note->kev.fflags & NOTE_NSECONDS ? 1 : note->kev.fflags & NOTE_USECONDS ? 1000 :
	    note->kev.fflags & NOTE_SECONDS ? 1000000000 : 1000000;
	int64_t ns = note->kev.data * unit;
	struct timespec time = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	struct itimerspec timer = { .it_interval = time, .it_value = time };

	timerfd_settime(note->fd, 0, &timer, NULL);
}

static int
change(int kq, const struct kevent *kev)
{
	struct note *note = find(kq, kev);
	uint64_t one = 1;

	if (note == NULL && (kev->flags & EV_ADD) == 0) {
		errno = kev->filter == EVFILT_READ && kev->ident > 1000 ? EBADF : ENOENT;
		return -1;
	}
	if (note == NULL && (note = add(kq, kev)) == NULL)
		return -1;
	if (kev->flags & EV_DELETE) {
		drop(note);
		return 0;
	}
	if (kev->flags & (EV_ADD | EV_ENABLE | EV_DISABLE))
		note->disabled = (kev->flags & EV_DISABLE) != 0;
	note->kev.udata = kev->udata;
	note->kev.data = kev->data;
	if (kev->filter != EVFILT_USER)
		note->kev.fflags = kev->fflags;
	if (kev->filter == EVFILT_TIMER && kev->flags & EV_ADD)
		set_timer(note);
	if (kev->filter == EVFILT_USER && kev->fflags & NOTE_TRIGGER &&
	    write(note->fd, &one, sizeof(one)) < 0)
		return -1;
	return control(note, EPOLL_CTL_MOD);
}

static void
tell(struct note *note, uint32_t happened, struct kevent *kev)
{
	uint64_t count = 0;
	int bytes = 0;

	*kev = note->kev;
	if (kev->filter == EVFILT_READ) {
		ioctl(note->fd, FIONREAD, &bytes);
		kev->data = bytes;
		if (happened & (EPOLLHUP | EPOLLRDHUP))
			kev->flags |= EV_EOF;
	} else if (kev->filter == EVFILT_PROC) {
		kev->flags |= EV_EOF | EV_ONESHOT;
		kev->data = 0x300;
	} else if (kev->filter == EVFILT_TIMER || kev->flags & (EV_CLEAR | EV_ONESHOT | EV_DISPATCH)) {
		if (read(note->fd, &count, sizeof(count)) > 0 && kev->filter == EVFILT_TIMER)
			kev->data = (intptr_t)count;
	}
	if (kev->flags & EV_ONESHOT) {
		drop(note);
	} else if (kev->flags & EV_DISPATCH) {
		note->disabled = true;
		control(note, EPOLL_CTL_MOD);
	}
}

int
kevent(int kq, const struct kevent *changes, int nchanges, struct kevent *events, int nevents,
    const struct timespec *timeout)
{
	struct epoll_event happened[64];
	int ms = timeout == NULL ? -1 : (int)(timeout->tv_sec * 1000 + (timeout->tv_nsec + 999999) / 1000000);
	int count;

	for (int i = 0; i < nchanges; i++) {
		if (change(kq, &changes[i]) < 0)
			return -1;
	}
	if (nevents == 0)
		return 0;
	count = epoll_wait(kq, happened, nevents < 64 ? nevents : 64, ms);
	for (int i = 0; i < count; i++)
		tell(happened[i].data.ptr, happened[i].events, &events[i]);
	return count;
}
