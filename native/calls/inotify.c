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

#include "glue/env.h"

static napi_value
js_inotify_create(napi_env env, napi_callback_info info)
{
	struct call call;

	if (!call_begin(&call, env, info))
		return call.answer;
	return call_result(&call, env_own(call.state,
	    inotify_init1(IN_NONBLOCK | IN_CLOEXEC), -1));
}

static napi_value
js_inotify_add(napi_env env, napi_callback_info info)
{
	struct call call;
	char path[40];
	uint32_t mask;
	int inotify_fd, fd;
	bool parent;

	if (!call_begin(&call, env, info) ||
	    !call_fd(&call, 0, "inotifyFd", &inotify_fd) ||
	    !call_fd(&call, 1, "fd", &fd) ||
	    !call_bits(&call, 2, "mask", &mask) ||
	    !call_bool(&call, 3, "parent", &parent))
		return call.answer;
	/* Else a descriptor that is not open would be -ENOENT. */
	if (fcntl(fd, F_GETFD) < 0)
		return call_result(&call, -1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d%s", fd, parent ? "/.." : "");
	return call_result(&call, inotify_add_watch(inotify_fd, path, mask));
}

static napi_value
js_inotify_remove(napi_env env, napi_callback_info info)
{
	struct call call;
	int inotify_fd, wd;

	if (!call_begin(&call, env, info) ||
	    !call_fd(&call, 0, "inotifyFd", &inotify_fd) ||
	    !call_fd(&call, 1, "wd", &wd))
		return call.answer;
	return call_result(&call, inotify_rm_watch(inotify_fd, wd));
}

static napi_value
js_inotify_read(napi_env env, napi_callback_info info)
{
	struct call call;
	void *buffer;
	size_t length;
	ssize_t count;
	int fd;

	if (!call_begin(&call, env, info) ||
	    !call_fd(&call, 0, "inotifyFd", &fd) ||
	    !call_array(&call, 1, "buffer", napi_uint8_array, 1, &buffer, &length))
		return call.answer;
	/* Others may have closed it: what is read from a file of theirs is lost to them. */
	if (owned_lost(&call.state->ownership, fd))
		return call_number(&call, -EBADF);
	count = read(fd, buffer, length);
	if (count < 0 && errno == EAGAIN)
		count = 0;
	return call_number(&call, count < 0 ? -errno : (double)count);
}

const struct call_entry inotify_calls[] = {
	CALL_FUNCTION("inotifyCreate", js_inotify_create),
	CALL_FUNCTION("inotifyAdd", js_inotify_add),
	CALL_FUNCTION("inotifyRemove", js_inotify_remove),
	CALL_FUNCTION("inotifyRead", js_inotify_read),
	CALL_END,
};
