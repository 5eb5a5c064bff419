/*
 * fork(2) with the pid that is wanted: clone3(2) with set_tid, which needs CAP_SYS_ADMIN.
 * It changes nothing that others see, as a number written to ns_last_pid would.
 */
#ifndef FORK_AS_H
#define FORK_AS_H

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/sched.h>

/* Another process may have taken the number; it has so many ms to end. */
#define FORK_AS_TRIES 10000

/* Any pid when `wanted` is 0. The child of a process with threads is not to use much. */
static inline pid_t
fork_as(pid_t wanted)
{
	struct clone_args arguments = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&wanted,
		.set_tid_size = wanted != 0,
	};
	pid_t pid = -1;

	for (int i = 0; i < FORK_AS_TRIES; i++) {
		pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
		if (pid >= 0 || errno != EEXIST)
			break;
		usleep(1000);
	}
	return pid;
}

#endif
