/*
 * The accept queue of a Unix domain socket: sock_diag(7).
 *
 * No system call on the socket tells its length, but netlink does, given the
 * socket's inode and cookie. The kernel answers while the request is sent, so
 * that nothing here waits.
 */
#include "levels.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

/* Answers to earlier requests that may be skipped before giving up. */
#define DIAG_STRAYS 8

struct diag_request {
	struct nlmsghdr header;
	struct unix_diag_req body;
};

union diag_reply {
	struct nlmsghdr header;
	char bytes[1024];
};

struct diag {
	bool open;
	int fd;
	uint32_t sequence;
};

static const struct env_kind diag_kind = { .size = sizeof(struct diag) };

/* NULL where the kernel has no such socket for us. */
static struct diag *
diag_open(struct env_state *state)
{
	struct diag *diag = env_part(state, &diag_kind);

	if (diag == NULL)
		return NULL;
	/* Others may have closed it, and a socket of theirs is not asked. */
	if (!diag->open || owned_lost(&state->ownership, diag->fd)) {
		diag->fd = env_own(state, socket(AF_NETLINK,
		    SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG), -1);
		diag->open = diag->fd >= 0;
	}
	return diag->open ? diag : NULL;
}

static bool
diag_identify(int fd, struct unix_diag_req *body)
{
	struct stat status;
	uint64_t cookie;
	socklen_t length = sizeof(cookie);

	if (fstat(fd, &status) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) < 0)
		return false;
	body->udiag_ino = (uint32_t)status.st_ino;
	body->udiag_cookie[0] = (uint32_t)cookie;
	body->udiag_cookie[1] = (uint32_t)(cookie >> 32);
	return true;
}

static bool
diag_send(struct diag *diag, int fd)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct diag_request request = {
		.header = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST,
			.nlmsg_seq = ++diag->sequence,
		},
		.body = {
			.sdiag_family = AF_UNIX,
			.udiag_states = UINT32_MAX,
			.udiag_show = UDIAG_SHOW_RQLEN,
		},
	};

	return diag_identify(fd, &request.body) &&
	    sendto(diag->fd, &request, sizeof(request), MSG_DONTWAIT,
	    (struct sockaddr *)&kernel, sizeof(kernel)) == (ssize_t)sizeof(request);
}

/* The length of the reply to our last request, 0 when there is none. */
static size_t
diag_receive(const struct diag *diag, union diag_reply *reply)
{
	for (int i = 0; i < DIAG_STRAYS; i++) {
		struct sockaddr_nl sender = { 0 };
		socklen_t sender_length = sizeof(sender);
		ssize_t length = recvfrom(diag->fd, reply, sizeof(*reply), MSG_DONTWAIT,
		    (struct sockaddr *)&sender, &sender_length);

		if (length < 0 && errno != ENOBUFS)
			return 0;
		if (length >= (ssize_t)sizeof(reply->header) && sender.nl_pid == 0 &&
		    reply->header.nlmsg_seq == diag->sequence &&
		    reply->header.nlmsg_len <= (size_t)length)
			return reply->header.nlmsg_len;
	}
	return 0;
}

static int
diag_queue_length(const union diag_reply *reply, size_t length)
{
	size_t offset = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(struct unix_diag_msg)));

	if (reply->header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return -1;
	while (offset + sizeof(struct rtattr) <= length) {
		const struct rtattr *attribute = (const struct rtattr *)(reply->bytes + offset);
		struct unix_diag_rqlen queue;

		if (attribute->rta_len < sizeof(*attribute) || attribute->rta_len > length - offset)
			return -1;
		if (attribute->rta_type == UNIX_DIAG_RQLEN &&
		    attribute->rta_len >= RTA_LENGTH(sizeof(queue))) {
			memcpy(&queue, RTA_DATA(attribute), sizeof(queue));
			return (int)queue.udiag_rqueue;
		}
		offset += RTA_ALIGN(attribute->rta_len);
	}
	return -1;
}

int
sockdiag_unix_pending(struct env_state *state, int fd)
{
	struct diag *diag = diag_open(state);
	union diag_reply reply;
	size_t length;

	if (diag == NULL || !diag_send(diag, fd))
		return -1;
	length = diag_receive(diag, &reply);
	return length == 0 ? -1 : diag_queue_length(&reply, length);
}
