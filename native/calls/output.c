/*
 * What was written to a socket or a pipe and not yet taken: SIOCOUTQ of tcp(7) and
 * unix(7), FIONREAD of pipe(7); and what was taken in all, TCP_INFO.
 */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <linux/sockios.h>
/* The C library's struct tcp_info may be too short. */
#include <linux/tcp.h>

#include "levels.h"

enum output_kind {
	OUTPUT_NONE,
	OUTPUT_SOCKET,
	OUTPUT_STREAM,
	OUTPUT_PIPE,
	OUTPUT_WRONG_END
};

/* A socket that listens has nothing to send, and the kernel will not say 0. */
static int
socket_queued(int fd)
{
	int count = 0;

	if (ioctl(fd, SIOCOUTQ, &count) == 0)
		return count;
	return errno == EINVAL ? 0 : -1;
}

static int
output_queued(struct call *call)
{
	int count = socket_queued(call->ints[0]);

	if (count >= 0 || errno != ENOTTY)
		return count;
	return ioctl(call->ints[0], FIONREAD, &count) == 0 ? count : -1;
}

/* Unix sockets, and those that send datagrams, wake writers whenever something was taken. */
static int
socket_kind(int fd)
{
	if (socket_queued(fd) < 0)
		return OUTPUT_NONE;
	if (level_socket_option(fd, SO_DOMAIN) == AF_UNIX || level_socket_option(fd, SO_TYPE) == SOCK_DGRAM)
		return OUTPUT_SOCKET;
	return OUTPUT_STREAM;
}

static int
output_kind(struct call *call)
{
	struct stat status;
	int fd = call->ints[0];

	if (fstat(fd, &status) < 0)
		return -1;
	if (S_ISSOCK(status.st_mode))
		return socket_kind(fd);
	if (!S_ISFIFO(status.st_mode))
		return OUTPUT_NONE;
	return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY ? OUTPUT_WRONG_END : OUTPUT_PIPE;
}

static napi_value
output_taken(struct call *call)
{
	struct tcp_info status = { 0 };
	socklen_t length = sizeof(status);

	/* Before Linux 4.1 it is not there, and stays 0. */
	if (getsockopt(call->ints[0], IPPROTO_TCP, TCP_INFO, &status, &length) < 0)
		return call_number(call, 0);
	return call_number(call, (double)status.tcpi_bytes_acked);
}

const struct call_entry output_calls[] = {
	CALL_RESULT("outputKind", output_kind, "fd"),
	CALL_RESULT("outputQueued", output_queued, "fd"),
	CALL_ANSWER("outputTaken", output_taken, "fd"),
	CALL_NUMBER(OUTPUT_NONE),
	CALL_NUMBER(OUTPUT_SOCKET),
	CALL_NUMBER(OUTPUT_STREAM),
	CALL_NUMBER(OUTPUT_PIPE),
	CALL_NUMBER(OUTPUT_WRONG_END),
	CALL_END,
};
