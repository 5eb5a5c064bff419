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

#include "glue/env.h"

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

static napi_value
js_pidfd_open(napi_env env, napi_callback_info info)
{
	struct call call;
	int pid;

	if (!call_begin(&call, env, info) ||
	    !call_fd(&call, 0, "pid", &pid))
		return call.answer;
	return call_result(&call, owned_take_bare(&call.state->ownership,
	    (int)syscall(SYS_pidfd_open, pid, 0)));
}

static napi_value
js_pidfd_duplicate(napi_env env, napi_callback_info info)
{
	struct call call;
	int fd;

	if (!call_begin(&call, env, info) ||
	    !call_fd(&call, 0, "fd", &fd))
		return call.answer;
	return call_result(&call, owned_take_bare(&call.state->ownership,
	    fcntl(fd, F_DUPFD_CLOEXEC, 0)));
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
pidfd_state(int fd)
{
	struct pollfd set = { .fd = fd, .events = POLLIN };

	if (poll(&set, 1, 0) < 0)
		return -1;
	if (set.revents & POLLNVAL) {
		errno = EBADF;
		return -1;
	}
	if (set.revents & POLLHUP)
		return PROCESS_REAPED;
	return set.revents & POLLIN ? state_of_exited(fd) : PROCESS_RUNNING;
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
pidfd_status(int fd)
{
	int status = status_of_child(fd);

	if (status < 0)
		status = status_of_reaped(fd);
	errno = ENODATA;
	return status;
}

/* POLLHUP for a process that was reaped came together with pidfds of threads. */
static napi_value
js_pidfd_tells_reap(napi_env env, napi_callback_info info)
{
	struct call call;
	int fd;

	if (!call_begin(&call, env, info))
		return call.answer;
	fd = (int)syscall(SYS_pidfd_open, getpid(), PIDFD_OF_THREAD);
	if (fd < 0)
		return call_number(&call, errno == EINVAL || errno == ENOSYS ? 0 : -errno);
	close(fd);
	return call_number(&call, 1);
}

static napi_value
js_suspended(napi_env env, napi_callback_info info)
{
	struct call call;
	struct timespec boot, monotonic;

	if (!call_begin(&call, env, info))
		return call.answer;
	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return call_number(&call, (double)((int64_t)(boot.tv_sec - monotonic.tv_sec) * 1000000000 +
	    (boot.tv_nsec - monotonic.tv_nsec)));
}

const struct call_entry pidfd_calls[] = {
	CALL_FUNCTION("pidfdOpen", js_pidfd_open),
	CALL_FUNCTION("pidfdDuplicate", js_pidfd_duplicate),
	CALL_OF_FD("pidfdState", pidfd_state),
	CALL_OF_FD("pidfdStatus", pidfd_status),
	CALL_FUNCTION("pidfdTellsReap", js_pidfd_tells_reap),
	CALL_FUNCTION("suspended", js_suspended),
	CALL_NUMBER(PROCESS_RUNNING),
	CALL_NUMBER(PROCESS_EXITED),
	CALL_NUMBER(PROCESS_REAPED),
	CALL_END,
};
