/*
 * The rows about pipes with bare Linux calls, see epoll.c.
 *
 * With PROVED, what a C program would write that trusts no number, with the calls that this
 * package makes: it asks what kind of file is added; before a count and in place of a deletion
 * it has epoll refuse to add what is there already, which proves that the number still is that
 * file; and what was deleted stays in and is changed when it is added again.
 */
#ifndef EPOLL_PIPES_H
#define EPOLL_PIPES_H

#include "epoll.h"

#include <sys/ioctl.h>
#include <sys/stat.h>

static bool registered;
#ifdef PROVED
static bool parked; /* the pipes are not registered, and in the epoll instance all the same */
#endif
static volatile long byte_sum; /* keeps the byte counts from being optimized away */

static void prove(int fd)
{
#ifdef PROVED
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) == 0 || errno != EEXIST)
		die("another file");
#else
	(void)fd;
#endif
}

static void add_pipe(int fd)
{
#ifdef PROVED
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	struct stat status;

	if (parked) {
		if (epoll_ctl(epfd, EPOLL_CTL_MOD, fd, &event) != 0)
			die("EPOLL_CTL_MOD");
		return;
	}
	if (fstat(fd, &status) != 0 || S_ISREG(status.st_mode))
		die("fstat");
#endif
	add(fd);
}

static void delete_pipe(int fd)
{
#ifdef PROVED
	prove(fd);
#else
	if (epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL) != 0)
		die("EPOLL_CTL_DEL");
#endif
}

static void pipes_open_only(int count, int ready)
{
	create();
	expect("opening pipes", open_pipes(count, ready), 0);
	registered = false;
#ifdef PROVED
	parked = false;
#endif
}

static long add_pipes(void)
{
	for (int i = 0; i < pipes_open; i++)
		add_pipe(pipe_reader[i]);
	registered = true;
	return pipes_open;
}

static long delete_pipes(void)
{
	for (int i = 0; i < pipes_open; i++)
		delete_pipe(pipe_reader[i]);
	registered = false;
#ifdef PROVED
	parked = true;
#endif
	return pipes_open;
}

static void pipes_setup(int count, int ready)
{
	pipes_open_only(count, ready);
	add_pipes();
}

static void pipes_teardown(void)
{
	close(epfd);
	close_pipes();
}

/* What is ready, level-triggered, and how many bytes wait in each. */
static long scan(int room, int ready)
{
	int n = epoll_wait(epfd, events, room, 0);
	long sum = 0;

	expect("epoll_wait", n, ready);
	for (int i = 0; i < n; i++) {
		int bytes;

		prove(events[i].data.fd);
		if (ioctl(events[i].data.fd, FIONREAD, &bytes) != 0)
			die("FIONREAD");
		sum += bytes;
	}
	expect("bytes by FIONREAD", sum, ready);
	byte_sum = sum;
	return n;
}

/* rotate: a byte is written, told of, counted and read; rotate-100: a hundred at a time. */

static void idle_setup(void)
{
	pipes_setup(IDLE_PIPES, 0);
}

static long rotate(void)
{
	for (int i = 0; i < CALLS; i++) {
		expect("a byte written and read", turn(1), 0);
		scan(EVENTS, 1);
		expect("the pipe", events[0].data.fd, pipe_reader[turn_from]);
	}
	return CALLS;
}

static long rotate_100(void)
{
	expect("bytes written and read", turn(READY_PIPES), 0);
	return scan(READY_PIPES, READY_PIPES);
}

/* read-scan, scan-9000, level-rescan, sparse: what is ready, and is not read. */

static void read_scan_setup(void)
{
	pipes_setup(PIPES, PIPES);
}

static long read_scan(void)
{
	return scan(PIPES, PIPES);
}

static void scan_most_setup(void)
{
	pipes_setup(MOST_PIPES, MOST_PIPES);
}

static long scan_most(void)
{
	return scan(MOST_PIPES, MOST_PIPES);
}

static void level_setup(void)
{
	pipes_setup(IDLE_PIPES, READY_PIPES);
}

static long level_rescan(void)
{
	return scan(READY_PIPES, READY_PIPES);
}

static void sparse_setup(void)
{
	pipes_setup(MOST_PIPES, 1);
}

static long sparse(void)
{
	for (int i = 0; i < CALLS; i++)
		scan(1, 1);
	return CALLS;
}

/* register, unregister: every pipe added, or deleted. */

static void register_setup(void)
{
	pipes_open_only(PIPES, 0);
}

static void register_3000_setup(void)
{
	pipes_open_only(3000, 0);
}

static void register_most_setup(void)
{
	pipes_open_only(MOST_PIPES, 0);
}

static void deleted(void)
{
	if (registered)
		delete_pipes();
}

static void added(void)
{
	if (!registered)
		add_pipes();
}

/* churn: a pipe made, added, written, told of, deleted and closed. */

static long churn(void)
{
	for (int i = 0; i < CALLS; i++) {
		expect("opening a pipe", open_pipes(1, 1), 0);
		add_pipes();
		scan(1, 1);
		delete_pipes();
		close_pipes();
#ifdef PROVED
		parked = false;
#endif
	}
	return CALLS;
}

/* idle-poll: epoll_wait that finds nothing. */

static void idle_poll_setup(void)
{
	pipes_setup(PIPES, 0);
}

static long idle_poll(void)
{
	for (int i = 0; i < CALLS; i++)
		expect("epoll_wait", epoll_wait(epfd, events, EVENTS, 0), 0);
	return CALLS;
}

#endif
