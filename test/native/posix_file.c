/*
 * Descriptors of every kind but sockets: pipes, files, terminals, eventfds,
 * timerfds, and what can be done with any of them.
 */
#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* The most that one read answers. */
#define READ_MOST (1 << 20)

POSIX_CALL(js_pipe2)
{
	int flags, pair[2];

	if (!posix_int(call, 0, &flags))
		return NULL;
	return posix_pair(call, pipe2(pair, flags), pair);
}

POSIX_CALL(js_openpty)
{
	int pair[2];

	return posix_pair(call, openpty(&pair[0], &pair[1], NULL, NULL, NULL), pair);
}

POSIX_CALL(js_eventfd)
{
	int initial, flags;

	if (!posix_int(call, 0, &initial) || !posix_int(call, 1, &flags))
		return NULL;
	return posix_result(call, eventfd((unsigned int)initial, flags));
}

POSIX_CALL(js_epoll)
{
	return posix_result(call, epoll_create1(EPOLL_CLOEXEC));
}

/* For reading. */
POSIX_CALL(js_epoll_add)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epfd, fd;

	if (!posix_int(call, 0, &epfd) || !posix_int(call, 1, &fd))
		return NULL;
	event.data.fd = fd;
	return posix_result(call, epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event));
}

/* Nonblocking; fires once `ms` milliseconds from now, never when that is 0. */
POSIX_CALL(js_timerfd)
{
	struct itimerspec timer = { 0 };
	double ms;
	int fd;

	if (!posix_double(call, 0, &ms))
		return NULL;
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	timer.it_value.tv_sec = (time_t)(ms / 1000);
	timer.it_value.tv_nsec = (long)((int64_t)(ms * 1e6) % 1000000000);
	if (fd >= 0 && timerfd_settime(fd, 0, &timer, NULL) < 0) {
		close(fd);
		fd = -1;
	}
	return posix_result(call, fd);
}

POSIX_CALL(js_mkfifo)
{
	char path[POSIX_STRING];
	int mode;

	if (!posix_string(call, 0, path) || !posix_int(call, 1, &mode))
		return NULL;
	return posix_result(call, mkfifo(path, (mode_t)mode));
}

POSIX_CALL(js_open)
{
	char path[POSIX_STRING];
	int flags, mode;

	if (!posix_string(call, 0, path) || !posix_int(call, 1, &flags) ||
	    !posix_int(call, 2, &mode))
		return NULL;
	return posix_result(call, open(path, flags, mode));
}

POSIX_CALL(js_close)
{
	int fd;

	if (!posix_int(call, 0, &fd))
		return NULL;
	return posix_result(call, close(fd));
}

POSIX_CALL(js_dup)
{
	int fd;

	if (!posix_int(call, 0, &fd))
		return NULL;
	return posix_result(call, dup(fd));
}

POSIX_CALL(js_dup2)
{
	int from, to;

	if (!posix_int(call, 0, &from) || !posix_int(call, 1, &to))
		return NULL;
	return posix_result(call, dup2(from, to));
}

POSIX_CALL(js_read)
{
	int fd, most;
	void *buffer;
	napi_value data;

	if (!posix_int(call, 0, &fd) || !posix_int(call, 1, &most))
		return NULL;
	if (most < 0 || most > READ_MOST)
		most = READ_MOST;
	buffer = malloc((size_t)most + 1);
	if (buffer == NULL)
		return posix_result(call, -1);
	data = posix_data(call, read(fd, buffer, (size_t)most), buffer);
	free(buffer);
	return data;
}

POSIX_CALL(js_write)
{
	size_t length;
	void *data;
	int fd;

	if (!posix_int(call, 0, &fd) || !posix_bytes(call, 1, &data, &length))
		return NULL;
	return posix_result(call, write(fd, data, length));
}

POSIX_CALL(js_lseek)
{
	double offset;
	int fd, whence;

	if (!posix_int(call, 0, &fd) || !posix_double(call, 1, &offset) ||
	    !posix_int(call, 2, &whence))
		return NULL;
	return posix_result(call, lseek(fd, (off_t)offset, whence));
}

POSIX_CALL(js_ftruncate)
{
	double length;
	int fd;

	if (!posix_int(call, 0, &fd) || !posix_double(call, 1, &length))
		return NULL;
	return posix_result(call, ftruncate(fd, (off_t)length));
}

POSIX_CALL(js_fcntl)
{
	int fd, command, argument;

	if (!posix_int(call, 0, &fd) || !posix_int(call, 1, &command) ||
	    !posix_int(call, 2, &argument))
		return NULL;
	return posix_result(call, fcntl(fd, command, argument));
}

/* Of the master of a pseudo-terminal: ioctl_tty(2), TIOCPKT. */
POSIX_CALL(js_packet_mode)
{
	int fd, on;

	if (!posix_int(call, 0, &fd) || !posix_int(call, 1, &on))
		return NULL;
	return posix_result(call, ioctl(fd, TIOCPKT, &on));
}

POSIX_CALL(js_fionread)
{
	int fd, count = 0;

	if (!posix_int(call, 0, &fd))
		return NULL;
	return posix_result(call, ioctl(fd, FIONREAD, &count) < 0 ? -1 : count);
}

POSIX_CALL(js_poll)
{
	struct pollfd set = { 0 };
	int events, timeout;

	if (!posix_int(call, 0, &set.fd) || !posix_int(call, 1, &events) ||
	    !posix_int(call, 2, &timeout))
		return NULL;
	set.events = (short)events;
	return posix_result(call, poll(&set, 1, timeout) < 0 ? -1 : set.revents);
}

const struct posix_entry posix_file[] = {
	{ "pipe2", js_pipe2 },
	{ "openpty", js_openpty },
	{ "eventfd", js_eventfd },
	{ "epoll", js_epoll },
	{ "epollAdd", js_epoll_add },
	{ "timerfd", js_timerfd },
	{ "mkfifo", js_mkfifo },
	{ "open", js_open },
	{ "close", js_close },
	{ "dup", js_dup },
	{ "dup2", js_dup2 },
	{ "read", js_read },
	{ "write", js_write },
	{ "lseek", js_lseek },
	{ "ftruncate", js_ftruncate },
	{ "fcntl", js_fcntl },
	{ "fionread", js_fionread },
	{ "packetMode", js_packet_mode },
	{ "poll", js_poll },
	{ NULL, NULL },
};
