/*
 * Processes by descriptor: pidfd_open(2). A pidfd stays with its process: the
 * number of one that was reaped may be given out again, the pidfd then still
 * says how the first one ended.
 */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The numbers are the same on all machines that Node runs on; older headers lack them. */
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* PIDFD_THREAD of linux/pidfd.h, Linux 6.9. */
#define PIDFD_OF_THREAD O_EXCL

/* P_PIDFD of waitid(2), Linux 5.4: an enum in newer headers, nothing in older ones. */
#define ID_IS_PIDFD ((idtype_t)3)

/* struct pidfd_info of linux/pidfd.h as it was first published, Linux 6.13. */
struct process_info {
	uint64_t mask;
	uint64_t cgroup;
	uint32_t pid, tgid, ppid;
	uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};

#define GET_INFO _IOWR(0xff, 11, struct process_info)
/* The exit code, Linux 6.15: only there once the process has been reaped. */
#define INFO_EXIT (UINT64_C(1) << 3)

enum process_state {
	PROCESS_RUNNING,
	PROCESS_EXITED,
	PROCESS_REAPED
};

/* Hot path, and so its arguments are on the board. */
static napi_value
js_pidfd_open(napi_env env, napi_callback_info info)
{
	struct call call;
	struct timespec now;
	int32_t *board;
	int fd;

	if (!call_board(&call, env, info))
		return call.answer;
	board = call.state->board;
	fd = owned_take_bare(&call.state->ownership,
	    (int)syscall(SYS_pidfd_open, board[BOARD_FD], 0));
	if (fd < 0)
		return call_result(&call, -1);
	clock_gettime(CLOCK_MONOTONIC, &now);
	board[BOARD_SEC] = (int32_t)now.tv_sec;
	board[BOARD_NSEC] = (int32_t)now.tv_nsec;
	return call_result(&call, fd);
}

static int
pidfd_duplicate(struct call *call)
{
	return owned_take_bare(&call->state->ownership, fcntl(call->ints[0], F_DUPFD_CLOEXEC, 0));
}

/* Before Linux 6.9 poll(2) does not tell a zombie from a process that was reaped. */
static int
state_of_exited(int fd)
{
	if (syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) < 0 && errno == ESRCH)
		return PROCESS_REAPED;
	return PROCESS_EXITED;
}

static int
pidfd_state(struct call *call)
{
	struct pollfd set = { .fd = call->ints[0], .events = POLLIN };

	if (poll(&set, 1, 0) < 0)
		return -1;
	if (set.revents & POLLNVAL) {
		errno = EBADF;
		return -1;
	}
	if (set.revents & POLLHUP)
		return PROCESS_REAPED;
	return set.revents & POLLIN ? state_of_exited(set.fd) : PROCESS_RUNNING;
}

/* What wait(2) will answer for a zombie that is our own child. */
static int
status_of_child(int fd)
{
	siginfo_t child;

	memset(&child, 0, sizeof(child));
	if (waitid(ID_IS_PIDFD, (id_t)fd, &child, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0 ||
	    child.si_pid == 0)
		return -1;
	if (child.si_code == CLD_EXITED)
		return (child.si_status & 0xff) << 8;
	return (child.si_status & 0x7f) | (child.si_code == CLD_DUMPED ? 0x80 : 0);
}

static int
status_of_reaped(int fd)
{
	struct process_info status = { .mask = INFO_EXIT };

	if (ioctl(fd, GET_INFO, &status) < 0 || (status.mask & INFO_EXIT) == 0)
		return -1;
	return status.exit_code & 0xffff;
}

static int
pidfd_status(struct call *call)
{
	int status = status_of_child(call->ints[0]);

	if (status < 0)
		status = status_of_reaped(call->ints[0]);
	errno = ENODATA;
	return status;
}

/* POLLHUP for a process that was reaped came together with pidfds of threads. */
static int
pidfd_tells_reap(struct call *call)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), PIDFD_OF_THREAD);

	(void)call;
	if (fd < 0)
		return errno == EINVAL || errno == ENOSYS ? 0 : -1;
	close(fd);
	return 1;
}

static napi_value
suspended(struct call *call)
{
	struct timespec boot, monotonic;

	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return call_number(call, (double)((int64_t)(boot.tv_sec - monotonic.tv_sec) * 1000000000 +
	    (boot.tv_nsec - monotonic.tv_nsec)));
}

const struct call_entry pidfd_calls[] = {
	CALL_BOARD("pidfdOpen", js_pidfd_open),
	CALL_RESULT("pidfdDuplicate", pidfd_duplicate, "fd"),
	CALL_RESULT("pidfdState", pidfd_state, "fd"),
	CALL_RESULT("pidfdStatus", pidfd_status, "fd"),
	CALL_RESULT("pidfdTellsReap", pidfd_tells_reap, NULL),
	CALL_ANSWER("suspended", suspended, NULL),
	CALL_NUMBER(PROCESS_RUNNING),
	CALL_NUMBER(PROCESS_EXITED),
	CALL_NUMBER(PROCESS_REAPED),
	CALL_END,
};
