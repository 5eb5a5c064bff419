/*
 * Network interfaces and their links: rtnetlink(7), and the names of interfaces,
 * if_nametoindex(3).
 *
 * A socket either listens to what happens, or asks what there is. Two, because on one
 * an answer could overtake the news of a change.
 */
#include "calls.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* Room for what happens while JavaScript is busy; the system allows less to most users. */
#define LISTEN_BUFFER (1024 * 1024)

enum link_field {
	LINK_WHAT,
	LINK_INDEX,
	LINK_FLAGS,
	LINK_RECORD
};

enum link_what {
	LINK_HERE,
	LINK_GONE,
	LINK_END,
	LINK_AGAIN
};

/* The kernel sends no more at a time: NLMSG_GOODSIZE, and what it fills for big readers. */
union link_message {
	struct nlmsghdr header;
	char bytes[32768];
};

struct link_records {
	int32_t *next;
	size_t room;
	int count;
};

static int
link_socket(bool listens)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = listens ? RTMGRP_LINK : 0,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	int size = LISTEN_BUFFER;

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return close_quietly(fd);
	if (listens && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

static napi_value
link_open(struct call *call)
{
	bool listens;

	if (!call_bool(call, 0, "listens", &listens))
		return call->answer;
	return call_result(call, env_own(call->state, link_socket(listens), -1));
}

static int
link_ask(struct call *call)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct {
		struct nlmsghdr header;
		struct ifinfomsg body;
	} request = {
		.header = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
	};

	if (owned_lost(&call->state->ownership, call->ints[0])) {
		errno = EBADF;
		return -1;
	}
	return sendto(call->ints[0], &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL,
	    (struct sockaddr *)&kernel, sizeof(kernel)) < 0 ? -1 : 0;
}

static void
record(struct link_records *records, enum link_what what, int index, unsigned flags)
{
	if (records->room == 0)
		return;
	records->next[LINK_WHAT] = what;
	records->next[LINK_INDEX] = index;
	records->next[LINK_FLAGS] = (int32_t)flags;
	records->next += LINK_RECORD;
	records->room--;
	records->count++;
}

static void
record_link(struct link_records *records, const struct nlmsghdr *header)
{
	const struct ifinfomsg *body = NLMSG_DATA(header);

	/* Bridges tell of their ports in the same words. */
	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*body)) || body->ifi_family != AF_UNSPEC)
		return;
	record(records, header->nlmsg_type == RTM_NEWLINK ? LINK_HERE : LINK_GONE,
	    body->ifi_index, body->ifi_flags);
}

static int
end_error(const struct nlmsghdr *header)
{
	const int *error = NLMSG_DATA(header);

	/* struct nlmsgerr begins with it; a dump that is done carries it alone. */
	return header->nlmsg_len < NLMSG_LENGTH(sizeof(*error)) ? 0 : -*error;
}

static void
record_message(struct link_records *records, const struct nlmsghdr *header)
{
	if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
		record(records, LINK_AGAIN, 0, 0);
	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		record_link(records, header);
		break;
	case NLMSG_DONE:
	case NLMSG_ERROR:
		record(records, LINK_END, end_error(header), 0);
		break;
	}
}

/* The length of what the kernel has sent, 0 of what somebody else has, -1. */
static ssize_t
receive(int fd, union link_message *message)
{
	struct sockaddr_nl sender = { 0 };
	struct iovec part = { .iov_base = message, .iov_len = sizeof(*message) };
	struct msghdr envelope = {
		.msg_name = &sender,
		.msg_namelen = sizeof(sender),
		.msg_iov = &part,
		.msg_iovlen = 1,
	};
	ssize_t length = recvmsg(fd, &envelope, MSG_DONTWAIT);

	if (length < 0)
		return -1;
	if (sender.nl_pid != 0)
		return 0;
	if ((envelope.msg_flags & MSG_TRUNC) != 0) {
		errno = ENOBUFS;
		return -1;
	}
	return length;
}

static napi_value
link_read(struct call *call)
{
	union link_message message;
	struct link_records records = { 0 };
	const struct nlmsghdr *header = &message.header;
	size_t length, left;
	ssize_t received;
	void *data;
	int fd = call->ints[0];

	if (!call_array(call, 1, "records", napi_int32_array, LINK_RECORD, &data, &length))
		return call->answer;
	/* Others may have closed it: what is read from a socket of theirs is lost to them. */
	if (owned_lost(&call->state->ownership, fd))
		return call_number(call, -EBADF);
	records.next = data;
	records.room = length / LINK_RECORD;
	received = receive(fd, &message);
	if (received < 0)
		return call_result(call, -1);
	left = (size_t)received;
	while (left >= sizeof(*header) && header->nlmsg_len >= sizeof(*header) &&
	    header->nlmsg_len <= left) {
		size_t size = NLMSG_ALIGN(header->nlmsg_len);

		record_message(&records, header);
		if (size >= left)
			break;
		left -= size;
		header = (const struct nlmsghdr *)((const char *)header + size);
	}
	return call_number(call, records.count);
}

static napi_value
link_index(struct call *call)
{
	char name[IF_NAMESIZE + 1];
	size_t length;
	unsigned index;

	if (napi_get_value_string_utf8(call->env, call->argv[0], name, sizeof(name),
	    &length) != napi_ok) {
		call_type_error(call, "name", "a string");
		return call->answer;
	}
	/* Too long, or cut off by a NUL: the name of none. */
	errno = ENXIO;
	if (length >= IF_NAMESIZE || strlen(name) != length)
		return call_result(call, -1);
	index = if_nametoindex(name);
	if (index != 0)
		return call_number(call, index);
	if (errno == ENODEV)
		errno = ENXIO;
	return call_result(call, -1);
}

static napi_value
link_name(struct call *call)
{
	char name[IF_NAMESIZE];
	napi_value answer = NULL;
	int index = call->ints[0];

	if (index <= 0 || if_indextoname((unsigned)index, name) == NULL) {
		if (index <= 0 || errno == ENODEV)
			errno = ENXIO;
		return call_result(call, -1);
	}
	napi_create_string_utf8(call->env, name, NAPI_AUTO_LENGTH, &answer);
	return answer;
}

const struct call_entry link_calls[] = {
	CALL_ANSWER("linkOpen", link_open, NULL),
	CALL_RESULT("linkAsk", link_ask, "fd"),
	CALL_ANSWER("linkRead", link_read, "fd"),
	CALL_ANSWER("linkIndex", link_index, NULL),
	CALL_ANSWER("linkName", link_name, "index"),
	CALL_NUMBER(LINK_RECORD),
	CALL_NUMBER(LINK_WHAT),
	CALL_NUMBER(LINK_INDEX),
	CALL_NUMBER(LINK_FLAGS),
	CALL_NUMBER(LINK_HERE),
	CALL_NUMBER(LINK_GONE),
	CALL_NUMBER(LINK_END),
	CALL_NUMBER(LINK_AGAIN),
	CALL_END,
};
