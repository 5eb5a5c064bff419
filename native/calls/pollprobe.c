/*
 * Whether the poll of a file waits for anything. Linux lets epoll take many files that
 * answer "ready" and never wake anybody, most of /proc among them, and poll(2) does not
 * tell these from the others. IOCB_CMD_POLL of io_submit(2), Linux 4.18, does: it refuses
 * a file that puts it on no wait queue.
 */
#include "calls.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/aio_abi.h>

/* It waits, nobody knows whether it does. */
#define POLL_WAITS 0x10000
#define POLL_WAITS_PERHAPS 0x20000

struct poll_probe {
	/* A context of io_setup(2), 0 while there is none. */
	aio_context_t context;
	/* The kernel has no IOCB_CMD_POLL. */
	bool lacking;
};

static void
probe_end(struct poll_probe *probe)
{
	if (probe->context != 0)
		syscall(SYS_io_destroy, probe->context);
	probe->context = 0;
}

static void
end(struct env_state *state, void *part)
{
	(void)state;
	probe_end(part);
}

static const struct env_kind probe_kind = { .size = sizeof(struct poll_probe), .end = end };

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
ask_to_wait(struct poll_probe *probe, int fd)
{
	struct iocb request = {
		.aio_fildes = (uint32_t)fd,
		.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_buf = POLLPRI,
	};
	struct iocb *requests[] = { &request };
	struct io_event event = { 0 };

	if (syscall(SYS_io_submit, probe->context, 1L, requests) < 0)
		return errno == EINVAL ? 0 : POLL_WAITS_PERHAPS;
	/* Fails when it is over already; either way there is one event to take. */
	syscall(SYS_io_cancel, probe->context, &request, &event);
	if (reap(probe->context, &event) < 0) {
		probe_end(probe);
		return POLL_WAITS;
	}
	return POLL_WAITS | (event.res > 0 ? (int)event.res & POLLPRI : 0);
}

/* A kernel that has no IOCB_CMD_POLL refuses it for what waits, too. */
static bool
is_supported(struct poll_probe *probe)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	bool supported;

	if (fd < 0)
		return false;
	supported = (ask_to_wait(probe, fd) & POLL_WAITS) != 0;
	close(fd);
	return supported;
}

static bool
begin(struct poll_probe *probe)
{
	if (probe->context != 0)
		return true;
	if (probe->lacking || syscall(SYS_io_setup, 1, &probe->context) < 0) {
		probe->context = 0;
		return false;
	}
	if (is_supported(probe))
		return true;
	probe->lacking = true;
	probe_end(probe);
	return false;
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
poll_probe(struct call *call)
{
	struct poll_probe *probe = env_part(call->state, &probe_kind);
	int fd = call->ints[0];
	int first = poll_now(fd);
	int waits = probe != NULL && begin(probe) ? ask_to_wait(probe, fd) : POLL_WAITS_PERHAPS;
	int last = poll_now(fd);

	return first < 0 || last < 0 ? -1 : (first & POLLPRI) | waits | last;
}

const struct call_entry pollprobe_calls[] = {
	CALL_RESULT("pollProbe", poll_probe, "fd"),
	CALL_NUMBER(POLL_WAITS),
	CALL_NUMBER(POLL_WAITS_PERHAPS),
	CALL_END,
};
