/*
 * The epoll instance of the peer with bare Linux calls, see epoll.c: what all its rows use.
 */
#ifndef EPOLL_H
#define EPOLL_H

#include "measure.h"

#include <sys/epoll.h>

static int epfd;
static struct epoll_event events[MOST_PIPES];

static void add(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) != 0)
		die("EPOLL_CTL_ADD");
}

static void create(void)
{
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (epfd < 0)
		die("epoll_create1");
}

static void teardown(void)
{
	close(epfd);
}

#endif
