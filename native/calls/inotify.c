/*
 * Changes of files: inotify(7).
 *
 * Files are named by a descriptor, not by a path: the link in /proc leads to
 * the open file itself, also after it was renamed or unlinked.
 */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

static int
inotify_create(struct call *call)
{
	return env_own(call->state, inotify_init1(IN_NONBLOCK | IN_CLOEXEC), -1);
}

static napi_value
inotify_add(struct call *call)
{
	char path[40];
	int64_t mask;
	bool parent;

	/* 32 bits, which JavaScript may hold signed or unsigned. */
	if (!call_range(call, 2, "mask", INT32_MIN, UINT32_MAX, &mask) ||
	    !call_bool(call, 3, "parent", &parent))
		return call->answer;
	/* Else a descriptor that is not open would be -ENOENT. */
	if (fcntl(call->ints[1], F_GETFD) < 0)
		return call_result(call, -1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d%s", call->ints[1], parent ? "/.." : "");
	return call_result(call, inotify_add_watch(call->ints[0], path, (uint32_t)mask));
}

static int
inotify_remove(struct call *call)
{
	return inotify_rm_watch(call->ints[0], call->ints[1]);
}

static napi_value
inotify_read(struct call *call)
{
	void *buffer;
	size_t length;
	ssize_t count;
	int fd = call->ints[0];

	if (!call_array(call, 1, "buffer", napi_uint8_array, 1, &buffer, &length))
		return call->answer;
	/* Others may have closed it: what is read from a file of theirs is lost to them. */
	if (owned_lost(&call->state->ownership, fd))
		return call_number(call, -EBADF);
	count = read(fd, buffer, length);
	if (count < 0 && errno == EAGAIN)
		count = 0;
	return call_number(call, count < 0 ? -errno : (double)count);
}

const struct call_entry inotify_calls[] = {
	CALL_RESULT("inotifyCreate", inotify_create, NULL),
	CALL_ANSWER("inotifyAdd", inotify_add, "inotifyFd", "fd"),
	CALL_RESULT("inotifyRemove", inotify_remove, "inotifyFd", "wd"),
	CALL_ANSWER("inotifyRead", inotify_read, "inotifyFd"),
	CALL_END,
};
