/*
 * Other processes: one that writes into a pipe when it is told to, and many that sleep. Peers
 * include it, and for ours it is a program (others.c).
 */
#ifndef OTHERS_H
#define OTHERS_H

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_PROCESSES = 5000 };

static inline int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The child of this process does not outlive it. */
static inline void die_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(0);
}

enum { AT_ONCE = 0x80 };

/*
 * For each byte that comes, when who has sent it sleeps, the time is written, in ns of
 * CLOCK_MONOTONIC; with AT_ONCE without waiting for that. To `to`, or to as many descriptors behind
 * it as the byte says. Ends when the other side does.
 */
static inline void write_times(int from, int to)
{
	struct pollfd readable = { .fd = from, .events = POLLIN };
	uint8_t byte;

	while (poll(&readable, 1, -1) == 1 && read(from, &byte, 1) == 1) {
		int64_t time;

		if ((byte & AT_ONCE) == 0)
			usleep(1000 + (useconds_t)(rand() % 1000));
		time = now_ns();
		if (write(to + (byte & ~AT_ONCE), &time, sizeof time) != sizeof time)
			break;
	}
}

static pid_t process[MOST_PROCESSES];
static int processes_open;

static inline void close_processes(void)
{
	for (int i = 0; i < processes_open; i++)
		kill(process[i], SIGKILL);
	for (int i = 0; i < processes_open; i++)
		waitpid(process[i], NULL, 0);
	processes_open = 0;
}

/* Processes that sleep: 0, or -1 with errno. */
static inline int open_processes(int count)
{
	pid_t parent = getpid();

	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0) {
			close_processes();
			return -1;
		}
		if (pid == 0) {
			die_with(parent);
			for (;;)
				pause();
		}
		process[i] = pid;
		processes_open = i + 1;
	}
	return 0;
}

static pid_t writer;

/* A process that writes times: it is told by `tell`, and they come in `times`. */
static inline int open_writer(int *tell, int *times)
{
	int there[2], back[2];
	pid_t parent = getpid();

	if (pipe(there) != 0 || pipe(back) != 0 || (writer = fork()) < 0)
		return -1;
	if (writer == 0) {
		die_with(parent);
		close(there[1]);
		close(back[0]);
		write_times(there[0], back[1]);
		_exit(0);
	}
	close(there[0]);
	close(back[1]);
	*tell = there[1];
	*times = back[0];
	return 0;
}

static inline void close_writer(int tell, int times)
{
	close(tell);
	close(times);
	waitpid(writer, NULL, 0);
}

#endif
