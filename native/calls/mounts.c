/*
 * The table of mounted file systems, /proc/self/mountinfo: proc_pid_mountinfo(5).
 *
 * Each opening of it knows up to which change of the table it has been polled, and
 * any poll(2) moves that on, also the one that an epoll instance does for another
 * that it is in. So who wants to know whether the table has changed polls an opening
 * that is in no epoll instance.
 */
#include "calls.h"

#include <fcntl.h>
#include <poll.h>

static int
mounts_open(struct call *call)
{
	return env_own(call->state, open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC), -1);
}

static int
mounts_changed(struct call *call)
{
	struct pollfd set = { .fd = call->ints[0], .events = POLLPRI };

	return poll(&set, 1, 0) < 0 ? -1 : (set.revents & POLLPRI) != 0;
}

const struct call_entry mounts_calls[] = {
	CALL_RESULT("mountsOpen", mounts_open, NULL),
	CALL_RESULT("mountsChanged", mounts_changed, "fd"),
	CALL_END,
};
