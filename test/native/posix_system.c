/*
 * What this system has of what the package asks Linux for: an older kernel, or an emulator, may
 * lack it. Asked here by other calls than the package's, so that a test that is skipped is
 * skipped for the system's sake. 1 for yes.
 */
#include "posix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/tcp.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
/* PIDFD_GET_INFO, in the first form that it had. */
#define GET_INFO _IOWR(0xff, 11, char[64])
#define INFO_EXIT (UINT64_C(1) << 3)

/* Whether the kernel has that protocol, whoever may use it. */
static bool
has_netlink(int protocol)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	bool there = fd >= 0 || (errno != EPROTONOSUPPORT && errno != EAFNOSUPPORT);

	if (fd >= 0)
		close(fd);
	return there;
}

/* How much of struct tcp_info is told of a socket. */
static size_t
tcp_info_size(void)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int answer = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length);

	close(fd);
	return answer < 0 ? 0 : length;
}

/* The process connector. */
POSIX_CALL(js_has_connector)
{
	return posix_result(call, has_netlink(NETLINK_CONNECTOR));
}

/* Of a socket that listens, how many connections wait. */
POSIX_CALL(js_has_accept_queue)
{
	return posix_result(call, has_netlink(NETLINK_SOCK_DIAG) &&
	    tcp_info_size() >= offsetof(struct tcp_info, tcpi_sacked));
}

/* How many bytes the other end of a TCP connection has taken. */
POSIX_CALL(js_has_bytes_acked)
{
	return posix_result(call, tcp_info_size() >= offsetof(struct tcp_info, tcpi_bytes_received));
}

/* The status of a process that somebody else has waited for. */
POSIX_CALL(js_has_late_status)
{
	uint64_t info[8] = { INFO_EXIT };
	pid_t child = fork();
	bool told;
	int fd;

	if (child == 0)
		_exit(0);
	fd = (int)syscall(SYS_pidfd_open, child, 0);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
	told = ioctl(fd, GET_INFO, info) == 0 && (info[0] & INFO_EXIT) != 0;
	close(fd);
	return posix_result(call, told);
}

static void
ignore(int number)
{
	(void)number;
}

/* In a child, whose handlers are nobody's. */
static int
leaves_zombie(void)
{
	struct sigaction action = { .sa_handler = ignore, .sa_flags = SA_NOCLDWAIT };
	pid_t child, waited;

	sigaction(SIGCHLD, &action, NULL);
	child = fork();
	if (child == 0)
		_exit(0);
	do
		waited = waitpid(child, NULL, 0);
	while (waited < 0 && errno == EINTR);
	return waited == child;
}

/* SA_NOCLDWAIT beside a handler. */
POSIX_CALL(js_has_nocldwait)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0)
		_exit(leaves_zombie());
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	return posix_result(call, status == 0);
}

/* io_setup(2), by which the package learns what a file's poll is good for. */
POSIX_CALL(js_has_io_setup)
{
	unsigned long context = 0;
	bool there = syscall(SYS_io_setup, 1, &context) == 0;

	if (there)
		syscall(SYS_io_destroy, context);
	return posix_result(call, there || errno != ENOSYS);
}

/* Filters of system calls, seccomp(2). */
POSIX_CALL(js_has_seccomp)
{
	return posix_result(call, prctl(PR_GET_SECCOMP) >= 0);
}

/* Whether the master of a pseudo-terminal tells that it is one: TIOCGPKT. */
POSIX_CALL(js_has_packet_mode)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), on;
	bool told = ioctl(fd, TIOCGPKT, &on) == 0;

	close(fd);
	return posix_result(call, told);
}

const struct posix_entry posix_system[] = {
	{ "hasConnector", js_has_connector },
	{ "hasAcceptQueue", js_has_accept_queue },
	{ "hasBytesAcked", js_has_bytes_acked },
	{ "hasLateStatus", js_has_late_status },
	{ "hasNocldwait", js_has_nocldwait },
	{ "hasIoSetup", js_has_io_setup },
	{ "hasSeccomp", js_has_seccomp },
	{ "hasPacketMode", js_has_packet_mode },
	{ NULL, NULL },
};
