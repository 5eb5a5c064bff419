/*
 * The level behind a file's readiness: whether a descriptor still names the
 * file that was registered, and how much can be read or written: epoll_ctl(2),
 * poll(2), ioctl_tty(2) FIONREAD, tcp(7) TCP_INFO, sock_diag(7).
 *
 * Hot path: a readable pipe or socket costs one epoll_ctl and one ioctl, a pipe that was
 * emptied one ioctl, and nothing is allocated. Only what is reported is proved.
 */
#include "levels.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>

#include "calls.h"

struct side {
	uint32_t registered;
	short polled;
	/* Whether the error of a broken socket is fetched, which takes it away. */
	bool takes_error;
	/* NULL where there is nothing to count. */
	int32_t (*count)(struct env_state *state, int fd, int events);
};

uint64_t
level_datum(int fd, uint32_t generation)
{
	return (uint64_t)generation << 32 | (uint32_t)fd;
}

/*
 * An epoll set knows its files by open file and number, and refuses to add the
 * same pair twice. Unlike EPOLL_CTL_MOD the refused call leaves no new edge.
 */
bool
level_is_registered(int epfd, int fd, uint32_t events, uint32_t generation)
{
	struct epoll_event event = { .events = events, .data.u64 = level_datum(fd, generation) };

	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) < 0)
		return errno == EEXIST;
	epoll_ctl(epfd, EPOLL_CTL_DEL, fd, &event);
	return false;
}

/* A proof is waived 32 to 95 times in a row, by chance, so that none is left out for ever. */
static bool
is_waived(struct env_state *state, uint32_t generation)
{
	if ((generation & TRUSTED) == 0)
		return false;
	if (state->waived > 0) {
		state->waived--;
		return true;
	}
	state->chance = state->chance * 1664525 + 1013904223;
	state->waived = 32 + (state->chance >> 26);
	return false;
}

/* Whether a number is to be taken for the file that was registered. */
static bool
is_meant(struct env_state *state, int epfd, const struct side *side, const int32_t *record)
{
	uint32_t generation = (uint32_t)record[REC_GENERATION];

	return is_waived(state, generation) ||
	    level_is_registered(epfd, record[REC_FD], side->registered, generation);
}

int
level_socket_option(int fd, int option)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &length) < 0 ? -1 : value;
}

static int
tcp_pending(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);

	/* For a listening socket the kernel puts the accept queue's length there; an emulator may not. */
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0 ||
	    length < offsetof(struct tcp_info, tcpi_unacked) + sizeof(info.tcpi_unacked))
		return -1;
	return (int)info.tcpi_unacked;
}

static int32_t
pending_connections(struct env_state *state, int fd, int events)
{
	int pending = -1;

	if (level_socket_option(fd, SO_ACCEPTCONN) != 1)
		return COUNT_UNKNOWN;
	switch (level_socket_option(fd, SO_DOMAIN)) {
	case AF_INET:
	case AF_INET6:
		pending = tcp_pending(fd);
		break;
	case AF_UNIX:
		pending = sockdiag_unix_pending(state, fd);
		break;
	}
	if (pending < 0)
		pending = (events & POLLIN) != 0 ? 1 : 0;
	return pending;
}

static int32_t
count_readable(struct env_state *state, int fd, int events)
{
	int count = 0;

	if (ioctl(fd, FIONREAD, &count) == 0)
		return count;
	return errno == EINVAL ? pending_connections(state, fd, events) : COUNT_UNKNOWN;
}

/* The kernel says when there is room: its word goes before the arithmetic. */
static int32_t
room(int size, int used, int events)
{
	int least = (events & POLLOUT) != 0 ? 1 : 0;

	return size - used > least ? size - used : least;
}

static int32_t
count_writable(struct env_state *state, int fd, int events)
{
	int used = 0;
	int size = level_socket_option(fd, SO_SNDBUF);

	(void)state;
	if (size >= 0)
		return ioctl(fd, SIOCOUTQ, &used) < 0 ? COUNT_UNKNOWN : room(size, used, events);
	size = fcntl(fd, F_GETPIPE_SZ);
	if (size >= 0 && ioctl(fd, FIONREAD, &used) == 0)
		return room(size, used, events);
	return COUNT_UNKNOWN;
}

/*
 * Of a datagram socket POLLPRI is an error that is to be reported, see socket(7)
 * SO_SELECT_ERR_QUEUE; of what is no socket, such as a terminal, it is what it says.
 */
static int32_t
count_urgent(struct env_state *state, int fd, int events)
{
	int type;

	(void)state;
	if ((events & POLLPRI) == 0)
		return 0;
	type = level_socket_option(fd, SO_TYPE);
	return type < 0 || type == SOCK_STREAM ? 1 : 0;
}

enum {
	SIDE_READ,
	SIDE_WRITE,
	SIDE_EXCEPT,
	SIDE_FILE,
	SIDES
};

static const struct side sides[SIDES] = {
	[SIDE_READ] = { EPOLLIN | EPOLLRDHUP | EPOLLET, POLLIN | POLLRDHUP, true, count_readable },
	[SIDE_WRITE] = { EPOLLOUT | EPOLLET, POLLOUT | POLLRDHUP, true, count_writable },
	[SIDE_EXCEPT] = { EPOLLPRI | EPOLLET, POLLPRI, false, count_urgent },
	/* FIONREAD of a regular file is its size less the offset, whatever its poll says. */
	[SIDE_FILE] = { EPOLLIN | EPOLLET, POLLIN | POLLPRI, false, NULL },
};

static const struct side *const read_side = &sides[SIDE_READ];

static void
mark_stale(int32_t *record)
{
	record[REC_EVENTS] |= REC_STALE;
	record[REC_COUNT] = COUNT_UNKNOWN;
	record[REC_ERROR] = 0;
}

/*
 * FIONREAD counts up to the place of an out-of-band byte: nothing, when reading has come
 * there, though there may be more behind it. tcp(7), SIOCATMARK.
 */
static int32_t
count_behind_mark(int fd)
{
	ssize_t count;

	if (level_socket_option(fd, SO_TYPE) != SOCK_STREAM)
		return 0;
	/* TCP looks, counts, and copies nothing; the others fail for want of a buffer. */
	count = recv(fd, NULL, INT32_MAX, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
	return count > 0 ? (int32_t)count : 0;
}

static void
ask(struct env_state *state, const struct side *side, int fd, int32_t *record)
{
	int events = record[REC_EVENTS];
	int error = 0;

	/* Asking clears the error, so it is left to the program while the socket lives. */
	if (side->takes_error && (events & POLLERR) != 0 && (events & (POLLHUP | POLLRDHUP)) != 0)
		error = level_socket_option(fd, SO_ERROR);
	record[REC_COUNT] = side->count == NULL ? 0 : side->count(state, fd, events);
	if (side == read_side && events == POLLIN && record[REC_COUNT] == 0)
		record[REC_COUNT] = count_behind_mark(fd);
	record[REC_ERROR] = error > 0 ? error : 0;
}

void
level_ask_read(struct env_state *state, int epfd, int32_t *record)
{
	int fd = record[REC_FD];

	if (is_meant(state, epfd, read_side, record))
		ask(state, read_side, fd, record);
	else
		mark_stale(record);
	/* Of what is closed nothing is known, either. */
	if (record[REC_COUNT] == COUNT_UNKNOWN && (record[REC_GENERATION] & TRUSTED) != 0 &&
	    !level_is_registered(epfd, fd, read_side->registered, (uint32_t)record[REC_GENERATION]))
		mark_stale(record);
}

static void
tell_nothing(int32_t *record)
{
	record[REC_EVENTS] = 0;
	record[REC_COUNT] = 0;
	record[REC_ERROR] = 0;
}

/* Of a pipe a count of 0 says all; of a socket it may be a datagram without bytes, or a mark. */
static bool
drains(int fd, int32_t *record)
{
	if (record[REC_DRAINS] == 0)
		record[REC_DRAINS] = fcntl(fd, F_GETPIPE_SZ) >= 0 ? DRAINS_YES : DRAINS_NO;
	return record[REC_DRAINS] == DRAINS_YES;
}

enum telling {
	TOLD,
	/* It is to be polled, and is proved to be the file that is meant. */
	PROVED,
	/* It is to be polled, and needs proof only where that has something to tell. */
	UNPROVED
};

/*
 * A file that could be read and was not broken when it was last looked at is counted first:
 * bytes to read are proof enough that it still is readable, and none are not reported, so that
 * it need not be proved that the number means the same file. Only the others are polled:
 * FIONREAD also counts for the writing end of a pipe. That one is broken by now is an edge.
 */
static enum telling
count_first(struct env_state *state, const struct side *side, int epfd, int32_t *record)
{
	int fd = record[REC_FD];
	bool counted;
	int count;

	counted = side == read_side && record[REC_EVENTS] == POLLIN &&
	    ioctl(fd, FIONREAD, &count) == 0;
	if (counted && count == 0) {
		if (!drains(fd, record))
			return UNPROVED;
		tell_nothing(record);
		return TOLD;
	}
	if (!is_meant(state, epfd, side, record)) {
		record[REC_EVENTS] = 0;
		mark_stale(record);
		return TOLD;
	}
	if (!counted)
		return PROVED;
	record[REC_COUNT] = count;
	record[REC_ERROR] = 0;
	return TOLD;
}

/* Leaves in `state->polls` what is to be polled, and passes over the others. */
static int
poll_records(struct env_state *state, int epfd, const struct side *side,
    int32_t *records, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		int32_t *record = records + i * RECORD;
		struct pollfd *polled = &state->polls[i];
		int fd = record[REC_FD];
		enum telling telling = count_first(state, side, epfd, record);

		/* poll(2) passes over negative numbers. */
		polled->fd = -1;
		polled->events = side->polled;
		if (telling == TOLD)
			continue;
		polled->fd = fd;
		record[REC_COUNT] = telling == PROVED ? 0 : COUNT_UNASKED;
		any = true;
	}
	return any ? poll(state->polls, n, 0) : 0;
}

static void
ask_polled(struct env_state *state, int epfd, const struct side *side, int32_t *records, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int32_t *record = records + i * RECORD;
		const struct pollfd *polled = &state->polls[i];
		bool proved = record[REC_COUNT] != COUNT_UNASKED;

		if (polled->fd < 0)
			continue;
		record[REC_EVENTS] = polled->revents & ~POLLNVAL;
		if ((polled->revents & POLLNVAL) != 0)
			mark_stale(record);
		else if (proved)
			ask(state, side, polled->fd, record);
		else if (polled->revents == 0)
			tell_nothing(record);
		else if (is_meant(state, epfd, side, record))
			ask(state, side, polled->fd, record);
		else
			mark_stale(record);
	}
}

int32_t *
level_questions(const struct env_state *state, size_t *n)
{
	int32_t questions = state->board[BOARD_QUESTIONS];

	if (questions < 0 || questions > ENV_BATCH) {
		errno = EINVAL;
		return NULL;
	}
	*n = (size_t)questions;
	return state->board + BOARD_RECORDS + ENV_BATCH * RECORD;
}

int
level_ask_board(struct env_state *state)
{
	int32_t epfd = state->board[BOARD_EPFD], side = state->board[BOARD_SIDE];
	size_t n;
	int32_t *records = level_questions(state, &n);

	if (records == NULL || side < 0 || side >= SIDES) {
		errno = EINVAL;
		return -1;
	}
	if (n == 0)
		return 0;
	if (poll_records(state, epfd, &sides[side], records, n) < 0)
		return -1;
	ask_polled(state, epfd, &sides[side], records, n);
	return 0;
}

static napi_value
js_poll_levels(napi_env env, napi_callback_info info)
{
	struct call call;

	if (!call_board(&call, env, info))
		return call.answer;
	return call_result(&call, level_ask_board(call.state));
}

/* Only memory that JavaScript cannot take away, that of a SharedArrayBuffer, stays where it is. */
static napi_value
board_share(struct call *call)
{
	struct env_state *state = call->state;
	napi_typedarray_type type;
	napi_value buffer;
	size_t length;
	void *data;
	bool detachable;

	if (!call_array(call, 0, "board", napi_int32_array, BOARD_LENGTH, &data, &length) ||
	    napi_get_typedarray_info(call->env, call->argv[0], &type, &length, &data, &buffer,
	    NULL) != napi_ok || napi_is_arraybuffer(call->env, buffer, &detachable) != napi_ok)
		return call->answer;
	if (detachable) {
		call_type_error(call, "board", "over a SharedArrayBuffer");
		return call->answer;
	}
	if (state->board_holder != NULL)
		napi_delete_reference(call->env, state->board_holder);
	state->board = NULL;
	state->board_holder = NULL;
	state->look = NULL;
	if (napi_create_reference(call->env, call->argv[0], 1, &state->board_holder) != napi_ok)
		return call->answer;
	state->board = data;
	state->look = level_look;
	return call_number(call, 0);
}

const struct call_entry level_calls[] = {
	CALL_ANSWER("boardShare", board_share, NULL),
	CALL_BOARD("pollLevels", js_poll_levels),
	CALL_NUMBER(BOARD_EPFD),
	CALL_NUMBER(BOARD_SIDE),
	CALL_NUMBER(BOARD_QUESTIONS),
	CALL_NUMBER(BOARD_ASKED),
	CALL_NUMBER(BOARD_SEC),
	CALL_NUMBER(BOARD_NSEC),
	CALL_NUMBER(BOARD_FD),
	CALL_NUMBER(BOARD_EVENTS),
	CALL_NUMBER(BOARD_GENERATION),
	CALL_NUMBER(BOARD_RECORDS),
	CALL_NUMBER(BOARD_STAT),
	CALL_NUMBER(BOARD_LENGTH),
	CALL_NUMBER(RECORD),
	CALL_NUMBER(REC_FD),
	CALL_NUMBER(REC_GENERATION),
	CALL_NUMBER(REC_EVENTS),
	CALL_NUMBER(REC_COUNT),
	CALL_NUMBER(REC_ERROR),
	CALL_NUMBER(REC_DRAINS),
	CALL_NUMBER(REC_STALE),
	CALL_NUMBER(TRUSTED),
	CALL_NUMBER(COUNT_UNKNOWN),
	CALL_NUMBER(COUNT_UNASKED),
	CALL_NUMBER(POLLIN),
	CALL_NUMBER(POLLPRI),
	CALL_NUMBER(POLLOUT),
	CALL_NUMBER(POLLERR),
	CALL_NUMBER(POLLHUP),
	CALL_NUMBER(POLLRDHUP),
	CALL_NUMBER(SIDE_READ),
	CALL_NUMBER(SIDE_WRITE),
	CALL_NUMBER(SIDE_EXCEPT),
	CALL_NUMBER(SIDE_FILE),
	CALL_END,
};
