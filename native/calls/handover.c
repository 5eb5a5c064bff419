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
image_create(struct call *call)
{
	size_t length;
	void *bytes;

	if (!call_array(call, 0, "bytes", napi_uint8_array, 1, &bytes, &length))
		return call->answer;
	/* Not owned: epoll does not take it, so that nothing would prove it later. */
	return call_result(call, open_image(bytes, length));
}

/* What is no file in memory has no seals: EINVAL. */
static int
image_is(struct call *call)
{
	return fcntl(call->ints[0], F_GET_SEALS) == ALL_SEALS;
}

static int
cloexec_get(struct call *call)
{
	int flags = fcntl(call->ints[0], F_GETFD);

	return flags < 0 ? -1 : (flags & FD_CLOEXEC) != 0;
}

static int
cloexec_set(struct call *call)
{
	return fcntl(call->ints[0], F_SETFD, FD_CLOEXEC);
}

static int
descriptor_take(struct call *call)
{
	return cloexec_set(call) < 0 ? -1 : env_own(call->state, call->ints[0], -1);
}

const struct call_entry handover_calls[] = {
	CALL_ANSWER("imageCreate", image_create, NULL),
	CALL_RESULT("imageIs", image_is, "fd"),
	CALL_RESULT("cloexecGet", cloexec_get, "fd"),
	CALL_RESULT("cloexecSet", cloexec_set, "fd"),
	CALL_RESULT("descriptorTake", descriptor_take, "fd"),
	CALL_END,
};
