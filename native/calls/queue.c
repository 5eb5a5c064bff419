/*
 * The descriptor of a queue: an epoll(7) that programs may poll, hand on or
 * close. It holds a readable eventfd, listened to while the queue has events to
 * give, and, once somebody may be looking, the thread's interest set.
 *
 * The eventfd is known to nobody else, so that an epoll which has it is the
 * queue: EPOLL_CTL_MOD sets its state and proves its identity at once.
 */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int
queue_control(int fd, int operation, int member, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = member };

	return epoll_ctl(fd, operation, member, &event);
}

/* 0, or -1 with EBADF when `fd` is another file by now, or none. */
static int
queue_switch(int fd, int ready, uint32_t events)
{
	if (queue_control(fd, EPOLL_CTL_MOD, ready, events) == 0)
		return 0;
	if (errno == ENOENT || errno == EINVAL || errno == EPERM)
		errno = EBADF;
	return -1;
}

static int
queue_open(int ready)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return -1;
	return queue_control(fd, EPOLL_CTL_ADD, ready, 0) < 0 ? close_quietly(fd) : fd;
}

/* The same under a number, in place of what has it. */
static int
queue_open_at(int ready, int number)
{
	int fd = queue_open(ready);
	int placed;

	if (fd < 0 || fd == number)
		return fd;
	placed = dup3(fd, number, O_CLOEXEC);
	(void)close_quietly(fd);
	return placed;
}

static napi_value
eventfd_create(struct call *call)
{
	int64_t initial;

	if (!call_range(call, 0, "initial", 0, UINT32_MAX, &initial))
		return call->answer;
	return call_result(call, env_own(call->state,
	    eventfd((unsigned int)initial, EFD_NONBLOCK | EFD_CLOEXEC), -1));
}

static int
queue_create(struct call *call)
{
	return env_own(call->state, queue_open(call->ints[0]), call->ints[0]);
}

static int
queue_create_at(struct call *call)
{
	int ready = call->ints[0], number = call->ints[1];

	return env_own(call->state, queue_open_at(ready, number), ready);
}

static napi_value
queue_set(struct call *call)
{
	bool on;

	if (!call_bool(call, 2, "on", &on))
		return call->answer;
	return call_result(call, queue_switch(call->ints[0], call->ints[1], on ? EPOLLIN : 0));
}

static int
queue_close(struct call *call)
{
	int fd = call->ints[0], ready = call->ints[1];
	const struct owned *owned = owned_find(&call->state->ownership, fd);

	/* The number may be another of our descriptors by now, even another queue. */
	if (owned == NULL || owned->ready < 0 || owned->ready != ready) {
		errno = EBADF;
		return -1;
	}
	return env_close(call->state, fd);
}

const struct call_entry queue_calls[] = {
	CALL_ANSWER("eventfdCreate", eventfd_create, NULL),
	CALL_RESULT("queueCreate", queue_create, "readyFd"),
	CALL_RESULT("queueCreateAt", queue_create_at, "readyFd", "number"),
	CALL_ANSWER("queueSet", queue_set, "fd", "readyFd"),
	CALL_RESULT("queueClose", queue_close, "fd", "readyFd"),
	CALL_END,
};
