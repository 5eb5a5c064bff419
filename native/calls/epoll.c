/*
 * Interest sets and the wait: epoll(7).
 *
 * `pollWait` does in one crossing what a scan needs: asks for the level of the files that were
 * ready before, waits, and asks for that of the first files that have fired. Hot path: nothing
 * is allocated.
 */
#include "calls.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "levels.h"

/* Headers older than the call lack its number, which is the same on all machines that Node runs on. */
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

/* The kernel's 64-bit timespec, also where the C library has another. */
struct duration {
	int64_t tv_sec;
	int64_t tv_nsec;
};

/* In REC_EVENTS of epollAhead. */
enum {
	AHEAD_HOLDS,
	AHEAD_MODIFY
};

static int
epoll_make(struct call *call)
{
	return env_own(call->state, epoll_create1(EPOLL_CLOEXEC), -1);
}

/* The type of a file, S_IFREG and so on: of what has no inode of its own 0, and of what is closed. */
static mode_t
type_of(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 ? status.st_mode & S_IFMT : 0;
}

/*
 * Whether `fd`, which is in `epfd`, is an epoll instance itself. If it is, `epfd` is
 * not in it, or they would be a loop, and there is nothing that this takes out.
 */
static bool
nests(int epfd, int fd)
{
	struct epoll_event unused = { 0 };

	return epoll_ctl(fd, EPOLL_CTL_DEL, epfd, &unused) < 0 && errno == ENOENT;
}

/* Hot path, and so its arguments are on the board. */
static napi_value
register_file(napi_env env, napi_callback_info info, int operation, bool irregular)
{
	struct call call;
	struct epoll_event event;
	mode_t type = 0;
	int epfd, fd;

	if (!call_board(&call, env, info))
		return call.answer;
	epfd = call.state->board[BOARD_EPFD];
	fd = call.state->board[BOARD_FD];
	event.events = (uint32_t)call.state->board[BOARD_EVENTS];
	event.data.u64 = level_datum(fd, (uint32_t)call.state->board[BOARD_GENERATION]);
	if (irregular && (type = type_of(fd)) == S_IFREG)
		return call_number(&call, -EPERM);
	if (epoll_ctl(epfd, operation, fd, &event) < 0)
		return call_result(&call, -1);
	/* An epoll instance has no type. */
	return call_result(&call, operation == EPOLL_CTL_ADD && type == 0 && nests(epfd, fd));
}

static napi_value
js_epoll_add(napi_env env, napi_callback_info info)
{
	return register_file(env, info, EPOLL_CTL_ADD, false);
}

/* As epoll answers for nearly all regular files, so for all. */
static napi_value
js_epoll_add_irregular(napi_env env, napi_callback_info info)
{
	return register_file(env, info, EPOLL_CTL_ADD, true);
}

static napi_value
js_epoll_modify(napi_env env, napi_callback_info info)
{
	return register_file(env, info, EPOLL_CTL_MOD, false);
}

static napi_value
js_epoll_holds(napi_env env, napi_callback_info info)
{
	struct call call;
	const int32_t *board;

	if (!call_board(&call, env, info))
		return call.answer;
	board = call.state->board;
	return call_result(&call, level_is_registered(board[BOARD_EPFD], board[BOARD_FD],
	    (uint32_t)board[BOARD_EVENTS], (uint32_t)board[BOARD_GENERATION]));
}

static bool
answer_ahead(int epfd, uint32_t events, const int32_t *record)
{
	int fd = record[REC_FD];
	uint32_t generation = (uint32_t)record[REC_GENERATION];
	struct epoll_event event = { .events = events, .data.u64 = level_datum(fd, generation) };

	if (record[REC_EVENTS] == AHEAD_MODIFY)
		return epoll_ctl(epfd, EPOLL_CTL_MOD, fd, &event) == 0;
	return level_is_registered(epfd, fd, events, generation);
}

/* What the changes of a list would ask one by one. */
static napi_value
js_epoll_ahead(napi_env env, napi_callback_info info)
{
	struct call call;
	const int32_t *board;
	int32_t *records;
	size_t n;

	if (!call_board(&call, env, info))
		return call.answer;
	board = call.state->board;
	records = level_questions(call.state, &n);
	if (records == NULL)
		return call_result(&call, -1);
	for (size_t i = 0; i < n; i++) {
		int32_t *record = records + i * RECORD;

		record[REC_ERROR] = answer_ahead(board[BOARD_EPFD],
		    (uint32_t)board[BOARD_EVENTS], record) ? 0 : 1;
	}
	return call_result(&call, 0);
}

static int
epoll_delete(struct call *call)
{
	struct epoll_event unused = { 0 };

	return epoll_ctl(call->ints[0], EPOLL_CTL_DEL, call->ints[1], &unused);
}

static int
adopt(struct ownership *ownership, int epfd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = level_datum(fd, 0) };

	if (owned_strayed(ownership, fd)) {
		errno = EBADF;
		return -1;
	}
	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -1;
	owned_adopt(ownership, fd);
	return 0;
}

static napi_value
js_epoll_adopt(napi_env env, napi_callback_info info)
{
	struct call call;
	const int32_t *board;

	if (!call_board(&call, env, info))
		return call.answer;
	board = call.state->board;
	return call_result(&call,
	    adopt(&call.state->ownership, board[BOARD_EPFD], board[BOARD_FD]));
}

static int
epoll_disown(struct call *call)
{
	const struct owned *owned = owned_find(&call->state->ownership, call->ints[1]);

	if (owned == NULL || owned->proof != OWNED_ADOPTED)
		return epoll_delete(call);
	owned_release(&call->state->ownership, call->ints[1]);
	return 0;
}

static int
epoll_adopter(struct call *call)
{
	owned_set_adopter(&call->state->ownership, call->ints[0]);
	return 0;
}

static int
epoll_nests(struct call *call)
{
	return nests(call->ints[0], call->ints[1]);
}

/* What the kernel lacks, it lacks for all threads. */
static atomic_bool lacks_pwait2;

/* Before Linux 5.11 epoll waits for whole milliseconds, but ppoll for nanoseconds. */
static int
wait_with_ppoll(struct env_state *state, int epfd, int room, int64_t sec, int64_t nsec)
{
	struct pollfd set = { .fd = epfd, .events = POLLIN };
	struct timespec timeout = { .tv_sec = (time_t)sec, .tv_nsec = (long)nsec };

	if (ppoll(&set, 1, &timeout, NULL) < 0)
		return -1;
	return epoll_wait(epfd, state->events, room, 0);
}

static int
wait_for_events(struct env_state *state, int epfd, int room, int64_t sec, int64_t nsec)
{
	struct duration timeout = { .tv_sec = sec, .tv_nsec = nsec };
	int count;

	if (sec < 0 || (sec == 0 && nsec == 0))
		return epoll_wait(epfd, state->events, room, sec < 0 ? -1 : 0);
	if (atomic_load_explicit(&lacks_pwait2, memory_order_relaxed))
		return wait_with_ppoll(state, epfd, room, sec, nsec);
	count = (int)syscall(SYS_epoll_pwait2, epfd, state->events, room, &timeout,
	    NULL, (size_t)0);
	/* Some containers refuse calls that they do not know with EPERM. */
	if (count < 0 && (errno == ENOSYS || errno == EPERM)) {
		atomic_store(&lacks_pwait2, true);
		return wait_with_ppoll(state, epfd, room, sec, nsec);
	}
	return count;
}

static void
fill_records(struct env_state *state, int epfd, int32_t *records, int count, int64_t asked)
{
	for (int i = 0; i < count; i++) {
		int32_t *record = records + (size_t)i * RECORD;
		uint64_t datum = state->events[i].data.u64;

		record[REC_FD] = (int32_t)(uint32_t)datum;
		record[REC_GENERATION] = (int32_t)(uint32_t)(datum >> 32);
		record[REC_EVENTS] = (int32_t)state->events[i].events;
		record[REC_COUNT] = COUNT_UNASKED;
		record[REC_ERROR] = 0;
		record[REC_DRAINS] = 0;
		if (record[REC_GENERATION] != 0 && asked-- > 0)
			level_ask_read(state, epfd, record);
	}
}

/* The questions come first: what happens after they are answered is an edge. */
static int
wait_and_ask(struct env_state *state)
{
	const int32_t *board = state->board;
	int64_t sec = board[BOARD_SEC], nsec = board[BOARD_NSEC];
	int count;

	if (sec < -1 || nsec < 0 || nsec > 999999999) {
		errno = EINVAL;
		return -1;
	}
	if (level_ask_board(state) < 0)
		return -1;
	count = wait_for_events(state, board[BOARD_EPFD], ENV_BATCH, sec, nsec);
	if (count > 0)
		fill_records(state, board[BOARD_EPFD], state->board + BOARD_RECORDS, count,
		    board[BOARD_ASKED]);
	return count;
}

/* Levels that are asked along with what is ready when the event loop wakes the machine. */
#define LEVELS 64

int
level_look(struct env_state *state, int epfd)
{
	int count = epoll_wait(epfd, state->events, ENV_BATCH, 0);

	if (count < 0)
		return -errno;
	fill_records(state, epfd, state->board + BOARD_RECORDS, count, LEVELS);
	return count;
}

static napi_value
js_poll_wait(napi_env env, napi_callback_info info)
{
	struct call call;

	if (!call_board(&call, env, info))
		return call.answer;
	return call_result(&call, wait_and_ask(call.state));
}

const struct call_entry epoll_calls[] = {
	CALL_RESULT("epollCreate", epoll_make, NULL),
	CALL_BOARD("epollAdd", js_epoll_add),
	CALL_BOARD("epollAddIrregular", js_epoll_add_irregular),
	CALL_BOARD("epollModify", js_epoll_modify),
	CALL_BOARD("epollHolds", js_epoll_holds),
	CALL_BOARD("epollAhead", js_epoll_ahead),
	CALL_NUMBER(AHEAD_HOLDS),
	CALL_NUMBER(AHEAD_MODIFY),
	CALL_RESULT("epollDelete", epoll_delete, "epfd", "fd"),
	CALL_BOARD("epollAdopt", js_epoll_adopt),
	CALL_RESULT("epollDisown", epoll_disown, "epfd", "fd"),
	CALL_RESULT("epollAdopter", epoll_adopter, "epfd"),
	CALL_RESULT("epollNests", epoll_nests, "epfd", "fd"),
	CALL_BOARD("pollWait", js_poll_wait),
	CALL_NUMBER(EPOLLET),
	CALL_END,
};
