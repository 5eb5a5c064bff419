/*
 * What passes from a process to one that it starts: the image of its queues in a sealed
 * memfd_create(2), the close-on-exec flag of what is handed over, and the descriptors
 * that become the addon's own at the other end.
 */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "glue/env.h"

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int
write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

/* A file of these bytes that nobody can change. */
static int
open_image(const char *bytes, size_t length)
{
	int fd = memfd_create("kqueue-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (write_all(fd, bytes, length) < 0 || fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0)
		return close_quietly(fd);
	return fd;
}

static napi_value
js_image_create(napi_env env, napi_callback_info info)
{
	struct call call;
	size_t length;
	void *bytes;

	if (!call_begin(&call, env, info) ||
	    !call_array(&call, 0, "bytes", napi_uint8_array, 1, &bytes, &length))
		return call.answer;
	/* Not owned: epoll does not take it, so that nothing would prove it later. */
	return call_result(&call, open_image(bytes, length));
}

/* What is no file in memory has no seals: EINVAL. */
static int
image_is(int fd)
{
	return fcntl(fd, F_GET_SEALS) == ALL_SEALS;
}

static int
cloexec_get(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags < 0 ? -1 : (flags & FD_CLOEXEC) != 0;
}

static int
cloexec_set(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static napi_value
js_descriptor_take(napi_env env, napi_callback_info info)
{
	struct call call;
	int fd;

	if (!call_begin(&call, env, info) ||
	    !call_fd(&call, 0, "fd", &fd))
		return call.answer;
	if (cloexec_set(fd) < 0)
		return call_result(&call, -1);
	return call_result(&call, env_own(call.state, fd, -1));
}

const struct call_entry handover_calls[] = {
	CALL_FUNCTION("imageCreate", js_image_create),
	CALL_OF_FD("imageIs", image_is),
	CALL_OF_FD("cloexecGet", cloexec_get),
	CALL_OF_FD("cloexecSet", cloexec_set),
	CALL_FUNCTION("descriptorTake", js_descriptor_take),
	CALL_END,
};
