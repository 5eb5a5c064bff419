/*
 * Sockets of the Unix and the two Internet domains.
 *
 * The host of an Internet address is written in numbers; one with a colon is
 * of version 6.
 */
#include "posix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/netlink.h>

/* The most that one recv answers. */
#define RECV_MOST (1 << 20)

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

/* From the arguments `index`, a host, and the next, a port. */
static bool
inet_address(struct posix_call *call, int index, union address *address, socklen_t *length)
{
	char host[POSIX_STRING];
	int port, parsed;

	if (!posix_string(call, index, host) || !posix_int(call, index + 1, &port))
		return false;
	memset(address, 0, sizeof(*address));
	if (strchr(host, ':') != NULL) {
		address->v6.sin6_family = AF_INET6;
		address->v6.sin6_port = htons((uint16_t)port);
		parsed = inet_pton(AF_INET6, host, &address->v6.sin6_addr);
		*length = sizeof(address->v6);
	} else {
		address->v4.sin_family = AF_INET;
		address->v4.sin_port = htons((uint16_t)port);
		parsed = inet_pton(AF_INET, host, &address->v4.sin_addr);
		*length = sizeof(address->v4);
	}
	if (parsed != 1)
		napi_throw_type_error(call->env, "ERR_INVALID_ARG_VALUE", "not a numeric host");
	return parsed == 1;
}

/* A path; one that starts with a NUL is in the abstract namespace. */
static bool
unix_address(struct posix_call *call, int index, union address *address, socklen_t *length)
{
	char path[POSIX_STRING];
	size_t size = 0;

	if (!posix_string(call, index, path))
		return false;
	napi_get_value_string_utf8(call->env, call->argv[index], NULL, 0, &size);
	if (size >= sizeof(address->local.sun_path)) {
		errno = ENAMETOOLONG;
		posix_result(call, -1);
		return false;
	}
	memset(address, 0, sizeof(*address));
	address->local.sun_family = AF_UNIX;
	memcpy(address->local.sun_path, path, size);
	*length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size +
	    (path[0] == '\0' ? 0 : 1));
	return true;
}

POSIX_CALL(js_socket)
{
	int domain, type, protocol;

	if (!posix_int(call, 0, &domain) || !posix_int(call, 1, &type) ||
	    !posix_int(call, 2, &protocol))
		return NULL;
	return posix_result(call, socket(domain, type, protocol));
}

POSIX_CALL(js_socketpair)
{
	int domain, type, pair[2];

	if (!posix_int(call, 0, &domain) || !posix_int(call, 1, &type))
		return NULL;
	return posix_pair(call, socketpair(domain, type, 0, pair), pair);
}

typedef __typeof__(bind) *address_call;

static napi_value
with_inet(struct posix_call *call, address_call function)
{
	union address address;
	socklen_t length;
	int fd;

	if (!posix_int(call, 0, &fd) || !inet_address(call, 1, &address, &length))
		return NULL;
	return posix_result(call, function(fd, &address.any, length));
}

static napi_value
with_unix(struct posix_call *call, address_call function)
{
	union address address;
	socklen_t length;
	int fd;

	if (!posix_int(call, 0, &fd) || !unix_address(call, 1, &address, &length))
		return NULL;
	return posix_result(call, function(fd, &address.any, length));
}


POSIX_CALL(js_bind_inet)
{
	return with_inet(call, bind);
}

POSIX_CALL(js_bind_unix)
{
	return with_unix(call, bind);
}

POSIX_CALL(js_connect_inet)
{
	return with_inet(call, connect);
}

POSIX_CALL(js_connect_unix)
{
	return with_unix(call, connect);
}

POSIX_CALL(js_listen)
{
	int fd, backlog;

	if (!posix_int(call, 0, &fd) || !posix_int(call, 1, &backlog))
		return NULL;
	return posix_result(call, listen(fd, backlog));
}

POSIX_CALL(js_getsockname_port)
{
	union address address;
	socklen_t length = sizeof(address);
	int fd;

	if (!posix_int(call, 0, &fd))
		return NULL;
	if (getsockname(fd, &address.any, &length) < 0)
		return posix_result(call, -1);
	return posix_result(call, ntohs(address.any.sa_family == AF_INET6 ?
	    address.v6.sin6_port : address.v4.sin_port));
}

/* The flags are those of accept4(2). */
POSIX_CALL(js_accept)
{
	int fd, flags;

	if (!posix_int(call, 0, &fd) || !posix_int(call, 1, &flags))
		return NULL;
	return posix_result(call, accept4(fd, NULL, NULL, flags));
}

POSIX_CALL(js_send)
{
	size_t length;
	void *data;
	int fd, flags;

	if (!posix_int(call, 0, &fd) || !posix_bytes(call, 1, &data, &length) ||
	    !posix_int(call, 2, &flags))
		return NULL;
	return posix_result(call, send(fd, data, length, flags));
}

POSIX_CALL(js_sendto_inet)
{
	union address address;
	socklen_t address_length;
	size_t length;
	void *data;
	int fd, flags;

	if (!posix_int(call, 0, &fd) || !posix_bytes(call, 1, &data, &length) ||
	    !posix_int(call, 2, &flags) || !inet_address(call, 3, &address, &address_length))
		return NULL;
	return posix_result(call, sendto(fd, data, length, flags, &address.any, address_length));
}

/* To the netlink socket of a port. */
POSIX_CALL(js_sendto_netlink)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	size_t length;
	void *data;
	int fd, port;

	if (!posix_int(call, 0, &fd) || !posix_bytes(call, 1, &data, &length) ||
	    !posix_int(call, 2, &port))
		return NULL;
	address.nl_pid = (uint32_t)port;
	return posix_result(call, sendto(fd, data, length, 0, (struct sockaddr *)&address,
	    sizeof(address)));
}

POSIX_CALL(js_recv)
{
	int fd, most, flags;
	void *buffer;
	napi_value data;

	if (!posix_int(call, 0, &fd) || !posix_int(call, 1, &most) || !posix_int(call, 2, &flags))
		return NULL;
	if (most < 0 || most > RECV_MOST)
		most = RECV_MOST;
	buffer = malloc((size_t)most + 1);
	if (buffer == NULL)
		return posix_result(call, -1);
	data = posix_data(call, recv(fd, buffer, (size_t)most, flags & ~MSG_TRUNC), buffer);
	free(buffer);
	return data;
}

POSIX_CALL(js_shutdown)
{
	int fd, how;

	if (!posix_int(call, 0, &fd) || !posix_int(call, 1, &how))
		return NULL;
	return posix_result(call, shutdown(fd, how));
}

POSIX_CALL(js_setsockopt)
{
	int fd, level, option, value;

	if (!posix_int(call, 0, &fd) || !posix_int(call, 1, &level) ||
	    !posix_int(call, 2, &option) || !posix_int(call, 3, &value))
		return NULL;
	return posix_result(call, setsockopt(fd, level, option, &value, sizeof(value)));
}

POSIX_CALL(js_getsockopt)
{
	int fd, level, option, value = 0;
	socklen_t length = sizeof(value);

	if (!posix_int(call, 0, &fd) || !posix_int(call, 1, &level) || !posix_int(call, 2, &option))
		return NULL;
	return posix_result(call, getsockopt(fd, level, option, &value, &length) < 0 ? -1 : value);
}

/* SO_LINGER; with 0 seconds close(2) resets the connection. */
POSIX_CALL(js_set_linger)
{
	struct linger linger = { .l_onoff = 1 };
	int fd;

	if (!posix_int(call, 0, &fd) || !posix_int(call, 1, &linger.l_linger))
		return NULL;
	return posix_result(call, setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
}

const struct posix_entry posix_socket[] = {
	{ "socket", js_socket },
	{ "socketpair", js_socketpair },
	{ "bindInet", js_bind_inet },
	{ "bindUnix", js_bind_unix },
	{ "connectInet", js_connect_inet },
	{ "connectUnix", js_connect_unix },
	{ "listen", js_listen },
	{ "getsocknamePort", js_getsockname_port },
	{ "accept", js_accept },
	{ "send", js_send },
	{ "sendtoInet", js_sendto_inet },
	{ "sendtoNetlink", js_sendto_netlink },
	{ "recv", js_recv },
	{ "shutdown", js_shutdown },
	{ "setsockopt", js_setsockopt },
	{ "getsockopt", js_getsockopt },
	{ "setLinger", js_set_linger },
	{ NULL, NULL },
};
