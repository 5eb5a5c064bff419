/*
 * The rows about other processes with bare Linux calls, see epoll.c.
 */
#ifndef EPOLL_OTHERS_H
#define EPOLL_OTHERS_H

#include "epoll.h"
#include "others.h"

#include <sys/syscall.h>

/* wake: how long after a write of another process epoll_wait returns, in us. */

static int tell, times;

static void wake_setup(void)
{
	create();
	expect("another process", open_writer(&tell, &times), 0);
	add(times);
}

static double wake(void)
{
	int64_t written, now;

	expect("write", write(tell, "", 1), 1);
	expect("epoll_wait", epoll_wait(epfd, events, 1, -1), 1);
	now = now_ns();
	expect("read", read(times, &written, sizeof written), sizeof written);
	return (double)(now - written) / 1e3;
}

static void wake_teardown(void)
{
	close(epfd);
	close_writer(tell, times);
}

/* exit-add: a pidfd a process. */

static int pidfd[MOST_PROCESSES];

static void exit_add_open(int count)
{
	create();
	expect("processes", open_processes(count), 0);
}

static void exit_add_100_setup(void)
{
	exit_add_open(100);
}

static void exit_add_setup(void)
{
	exit_add_open(1000);
}

static void exit_add_5000_setup(void)
{
	exit_add_open(MOST_PROCESSES);
}

static void exit_forget(void)
{
	for (int i = 0; i < processes_open; i++)
		if (pidfd[i] != 0)
			close(pidfd[i]);
	memset(pidfd, 0, sizeof pidfd);
}

static long exit_add(void)
{
	for (int i = 0; i < processes_open; i++) {
		pidfd[i] = (int)syscall(SYS_pidfd_open, process[i], 0);
		if (pidfd[i] < 0)
			die("pidfd_open");
		add(pidfd[i]);
	}
	return processes_open;
}

static void exit_teardown(void)
{
	exit_forget();
	close(epfd);
	close_processes();
}

#endif
