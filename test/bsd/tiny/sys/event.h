/*
 * A small C library of kqueue on epoll(7), for tests of src/bsd on Linux: EVFILT_READ,
 * EVFILT_USER, EVFILT_TIMER and EVFILT_PROC with NOTE_EXIT, with the numbers of macOS. Unlike
 * those that there are, its queue's descriptor can be polled, and is told of closes.
 */
#ifndef TINY_EVENT_H
#define TINY_EVENT_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)
#define EVFILT_VNODE (-4)
#define EVFILT_PROC (-5)
#define EVFILT_SIGNAL (-6)
#define EVFILT_TIMER (-7)
#define EVFILT_USER (-10)

#define EV_ADD 0x1
#define EV_DELETE 0x2
#define EV_ENABLE 0x4
#define EV_DISABLE 0x8
#define EV_ONESHOT 0x10
#define EV_CLEAR 0x20
#define EV_DISPATCH 0x80
#define EV_EOF 0x8000
#define EV_ERROR 0x4000

#define NOTE_LOWAT 0x1
#define NOTE_TRIGGER 0x01000000
#define NOTE_DELETE 0x1
#define NOTE_WRITE 0x2
#define NOTE_EXTEND 0x4
#define NOTE_ATTRIB 0x8
#define NOTE_LINK 0x10
#define NOTE_RENAME 0x20
#define NOTE_EXIT 0x80000000u
#define NOTE_FORK 0x40000000u
#define NOTE_EXEC 0x20000000u
#define NOTE_EXITSTATUS 0x04000000u
#define NOTE_SECONDS 0x1
#define NOTE_USECONDS 0x2
#define NOTE_NSECONDS 0x4
#define NOTE_ABSOLUTE 0x8

struct kevent {
	uintptr_t ident;
	int16_t filter;
	uint16_t flags;
	uint32_t fflags;
	intptr_t data;
	void *udata;
};

int kqueue(void);
int kevent(int kq, const struct kevent *changes, int nchanges, struct kevent *events,
    int nevents, const struct timespec *timeout);

#endif
