/*
 * Whether the poll of a file waits for anything. Linux lets epoll take many files that
 * answer "ready" and never wake anybody, most of /proc among them, and poll(2) does not
 * tell these from the others. IOCB_CMD_POLL of io_submit(2), Linux 4.18, does: it refuses
 * a file that puts it on no wait queue.
 */
#include "pollprobe.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/aio_abi.h>

#include "calls.h"

/* As in src/linux/native.ts: it waits, nobody knows whether it does. */
#define POLL_WAITS 0x10000
#define POLL_WAITS_PERHAPS 0x20000

/* What was taken back is handed over by a thread of the kernel, which is soon. */
static int
reap(aio_context_t context, struct io_event *event)
{
	struct timespec limit = { .tv_sec = 1 };
	long count;

	do {
		count = syscall(SYS_io_getevents, context, 1L, 1L, event, &limit);
	} while (count < 0 && errno == EINTR);
	return count == 1 ? 0 : -1;
}

/*
 * 0 when nothing would ever wake who polls `fd`, else POLL_WAITS with POLLPRI where that
 * was taken from it.
 */
static int
ask_to_wait(struct env_state *state, int fd)
{
	struct iocb request = {
		.aio_fildes = (uint32_t)fd,
		.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_buf = POLLPRI,
	};
	struct iocb *requests[] = { &request };
	struct io_event event = { 0 };

	if (syscall(SYS_io_submit, state->poll_context, 1L, requests) < 0)
		return errno == EINVAL ? 0 : POLL_WAITS_PERHAPS;
	/* Fails when it is over already; either way there is one event to take. */
	syscall(SYS_io_cancel, state->poll_context, &request, &event);
	if (reap(state->poll_context, &event) < 0) {
		pollprobe_end(state);
		return POLL_WAITS;
	}
	return POLL_WAITS | (event.res > 0 ? (int)event.res & POLLPRI : 0);
}

/* A kernel that has no IOCB_CMD_POLL refuses it for what waits, too. */
static bool
is_supported(struct env_state *state)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	bool supported;

	if (fd < 0)
		return false;
	supported = (ask_to_wait(state, fd) & POLL_WAITS) != 0;
	close(fd);
	return supported;
}

static bool
begin(struct env_state *state)
{
	if (state->poll_context != 0)
		return true;
	if (state->lacks_poll_request || syscall(SYS_io_setup, 1, &state->poll_context) < 0) {
		state->poll_context = 0;
		return false;
	}
	if (is_supported(state))
		return true;
	state->lacks_poll_request = true;
	pollprobe_end(state);
	return false;
}

void
pollprobe_end(struct env_state *state)
{
	if (state->poll_context != 0)
		syscall(SYS_io_destroy, state->poll_context);
	state->poll_context = 0;
}

static int
poll_now(int fd)
{
	struct pollfd set = { .fd = fd, .events = POLLIN | POLLPRI | POLLOUT };

	return poll(&set, 1, 0) < 0 ? -1 : set.revents;
}

/*
 * What the poll of a file says from now on, and what it said before of POLLPRI. FUSE puts
 * the first who polls on a wait queue before its server says that it has no poll.
 */
static int
probe(struct env_state *state, int fd)
{
	int first = poll_now(fd);
	int waits = begin(state) ? ask_to_wait(state, fd) : POLL_WAITS_PERHAPS;
	int last = poll_now(fd);

	return first < 0 || last < 0 ? -1 : (first & POLLPRI) | waits | last;
}

static napi_value
js_poll_probe(napi_env env, napi_callback_info info)
{
	struct call call;
	int fd;

	if (!call_begin(&call, env, info) ||
	    !call_fd(&call, 0, "fd", &fd))
		return call.answer;
	return call_result(&call, probe(call.state, fd));
}

const struct call_entry pollprobe_calls[] = {
	{ "pollProbe", js_poll_probe },
	{ NULL, NULL },
};
