/*
 * Asynchronous I/O: aio(7) as FreeBSD has it, on io_uring(7) (uring.c) or on
 * threads of our own (threads.c), whichever there is.
 *
 * The I/O is done with memory of ours. JavaScript may detach an ArrayBuffer, and
 * a worker may end, while the kernel reads and writes; so what is written is copied
 * when it is asked for, and what was read when the result is taken.
 */
#include "aio.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What one read(2) does at most. */
#define LONGEST UINT32_C(0x7ffff000)
/* So long the end of an environment waits for requests that cannot be taken back. */
#define PATIENCE_MS 2000

/*
 * What could not be ended with its environment: the kernel or a thread may still use the
 * memory. Whoever begins or ends next frees those that are over by then.
 */
static pthread_mutex_t abandoned_lock = PTHREAD_MUTEX_INITIALIZER;
static struct aio *abandoned;

void
aio_append(struct aio_list *list, struct aio_request *request)
{
	request->next = NULL;
	request->link = list->end;
	*list->end = request;
	list->end = &request->next;
}

void
aio_remove(struct aio_list *list, struct aio_request *request)
{
	if (request->next != NULL)
		request->next->link = request->link;
	else
		list->end = request->link;
	*request->link = request->next;
}

static void
list_begin(struct aio_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

bool
aio_is_sync(const struct aio_request *request)
{
	return request->operation == AIO_SYNC || request->operation == AIO_DSYNC;
}

/* Whether a sync has to wait for a request. */
static bool
comes_before(const struct aio_request *request, const struct aio_request *sync)
{
	return !aio_is_sync(request) && request->number < sync->number &&
	    request->dev == sync->dev && request->ino == sync->ino;
}

static void
release_syncs(struct aio *aio, const struct aio_request *request)
{
	struct aio_request *next;

	for (struct aio_request *sync = aio->held.first; sync != NULL; sync = next) {
		next = sync->next;
		if (!comes_before(request, sync) || --sync->before > 0)
			continue;
		aio_remove(&aio->held, sync);
		sync->state = AIO_PREPARED;
		aio_append(&aio->ready, sync);
	}
}

void
aio_over(struct aio_request *request, int32_t result)
{
	struct aio *aio = request->aio;

	if (result == -EINTR && request->interrupted)
		result = -ECANCELED;
	request->result = result;
	request->state = AIO_DONE;
	aio_append(&aio->done, request);
	aio->going--;
	aio_release_file(request);
	if (aio->held.first != NULL)
		release_syncs(aio, request);
}

void
aio_start(struct aio *aio)
{
	if (aio->ready.first != NULL)
		aio->backend->start(aio);
}

/* What is over makes room for what is ready. */
static void
reap(struct aio *aio)
{
	if (aio->going == 0)
		return;
	aio->backend->reap(aio);
	aio_start(aio);
}

static enum aio_cancelled
cancel(struct aio *aio, struct aio_request *request)
{
	switch (request->state) {
	case AIO_PREPARED:
	case AIO_HELD:
		aio_remove(request->state == AIO_HELD ? &aio->held : &aio->ready, request);
		aio_over(request, -ECANCELED);
		return AIO_CANCELED;
	case AIO_STARTED:
		return aio->backend->cancel(aio, request);
	default:
		return AIO_ALLDONE;
	}
}

/* Handles */

static bool
requests_grow(struct aio *aio)
{
	int room = aio->room == 0 ? 64 : aio->room * 2;
	struct aio_request **grown;

	if (aio->room > INT32_MAX / 2)
		return false;
	grown = realloc(aio->requests, (size_t)room * sizeof(struct aio_request *));
	if (grown == NULL)
		return false;
	memset(grown + aio->room, 0, (size_t)(room - aio->room) * sizeof(struct aio_request *));
	aio->requests = grown;
	aio->room = room;
	return true;
}

static bool
handle_give(struct aio *aio, struct aio_request *request)
{
	while (aio->lowest < aio->room && aio->requests[aio->lowest] != NULL)
		aio->lowest++;
	if (aio->lowest == aio->room && !requests_grow(aio))
		return false;
	request->handle = aio->lowest++;
	aio->requests[request->handle] = request;
	return true;
}

static struct aio_request *
request_find(struct aio *aio, int handle)
{
	return aio != NULL && handle >= 0 && handle < aio->room ? aio->requests[handle] : NULL;
}

static void
request_free(struct aio_request *request)
{
	struct aio *aio = request->aio;

	if (request->handle >= 0) {
		aio->requests[request->handle] = NULL;
		if (request->handle < aio->lowest)
			aio->lowest = request->handle;
	}
	aio_buffer_put(aio, request->buffer, request->length);
	free(request);
}

/* Requests */

static int
make_buffer(struct aio_request *request, const void *data, size_t length)
{
	request->length = length < LONGEST ? (uint32_t)length : LONGEST;
	if (aio_is_sync(request) || length == 0)
		return 0;
	request->buffer = aio_buffer_get(request->aio, request->length);
	if (request->buffer == NULL)
		return -1;
	if (request->operation == AIO_WRITE)
		memcpy(request->buffer, data, request->length);
	return 0;
}

/* Syncs wait for what was asked for before. */
static int
hold_sync(struct aio *aio, struct aio_request *sync)
{
	for (int i = 0; i < aio->room; i++) {
		const struct aio_request *request = aio->requests[i];

		if (request != NULL && request->state < AIO_DONE && comes_before(request, sync))
			sync->before++;
	}
	return sync->before > 0 ? aio_keep_file(sync) : 0;
}

static int
request_begin(struct aio *aio, struct aio_request *request, const void *data, size_t length)
{
	if (aio_check_file(request) < 0 || make_buffer(request, data, length) < 0)
		return -1;
	request->number = ++aio->last_number;
	if (aio_is_sync(request) && hold_sync(aio, request) < 0)
		return -1;
	if (!handle_give(aio, request)) {
		aio_release_file(request);
		errno = ENOMEM;
		return -1;
	}
	request->state = request->before > 0 ? AIO_HELD : AIO_PREPARED;
	aio_append(request->before > 0 ? &aio->held : &aio->ready, request);
	aio->going++;
	return request->handle;
}

int
aio_submit(struct aio *aio, enum aio_operation operation, int fd, int64_t offset,
    const void *data, size_t length)
{
	struct aio_request *request = calloc(1, sizeof(*request));
	int handle;

	if (request == NULL)
		return -1;
	request->aio = aio;
	request->operation = operation;
	request->handle = -1;
	request->fd = fd;
	request->offset = offset;
	handle = request_begin(aio, request, data, length);
	if (handle < 0) {
		int error = errno;

		request_free(request);
		errno = error;
	}
	return handle;
}

size_t
aio_collect(struct aio *aio, int32_t *handles, size_t most)
{
	size_t count = 0;

	reap(aio);
	while (count < most && aio->done.first != NULL) {
		struct aio_request *request = aio->done.first;

		aio_remove(&aio->done, request);
		request->state = AIO_COLLECTED;
		handles[count++] = request->handle;
	}
	return count;
}

static int32_t
take_result(const struct aio_request *request, void *data, size_t length)
{
	int32_t result = request->result;

	if (request->operation != AIO_READ || result <= 0)
		return result;
	/* The memory is not there any more, or not all of it. */
	if ((size_t)result > length)
		return -EFAULT;
	memcpy(data, request->buffer, (size_t)result);
	return result;
}

int32_t
aio_take(struct aio *aio, int handle, void *data, size_t length)
{
	struct aio_request *request = request_find(aio, handle);
	int32_t result;

	if (request == NULL || request->state != AIO_COLLECTED)
		return -EINVAL;
	result = take_result(request, data, length);
	request_free(request);
	return result;
}

enum aio_cancelled
aio_cancel(struct aio *aio, int handle)
{
	struct aio_request *request = request_find(aio, handle);
	enum aio_cancelled answer;

	if (request == NULL)
		return AIO_ALLDONE;
	answer = cancel(aio, request);
	/* A sync may have waited for it. */
	aio_start(aio);
	return answer;
}

/* The whole */

/* `state` is NULL when the environment has ended. */
static void
aio_free(struct env_state *state, struct aio *aio)
{
	int fd = aio->fd;

	for (int i = 0; i < aio->room; i++) {
		if (aio->requests[i] != NULL)
			request_free(aio->requests[i]);
	}
	aio->backend->close(aio);
	if (state != NULL)
		env_close(state, fd);
	else
		close(fd);
	aio_buffer_free_all(aio);
	free(aio->requests);
	free(aio);
}

static void
free_abandoned(void)
{
	struct aio **link = &abandoned;

	pthread_mutex_lock(&abandoned_lock);
	while (*link != NULL) {
		struct aio *aio = *link;

		reap(aio);
		if (aio->going > 0) {
			link = &aio->next;
			continue;
		}
		*link = aio->next;
		aio_free(NULL, aio);
	}
	pthread_mutex_unlock(&abandoned_lock);
}

static int
backend_open(struct aio *aio, const struct aio_backend *backend, unsigned int room)
{
	aio->backend = backend;
	return backend->open(aio, room);
}

int
aio_open(struct env_state *state, struct aio_part *part)
{
	struct aio *aio = calloc(1, sizeof(*aio));

	free_abandoned();
	if (aio == NULL)
		return -1;
	aio->fd = -1;
	list_begin(&aio->ready);
	list_begin(&aio->held);
	list_begin(&aio->done);
	if ((part->preferred == AIO_THREADS || backend_open(aio, &aio_uring, part->room) < 0) &&
	    (part->preferred == AIO_URING || backend_open(aio, &aio_threads, part->room) < 0)) {
		free(aio);
		return -1;
	}
	if (env_own(state, aio->fd, -1) < 0) {
		int error = errno;

		aio->backend->close(aio);
		free(aio);
		errno = error;
		return -1;
	}
	part->aio = aio;
	return aio->fd;
}

static int64_t
milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Whether nothing goes on any more. */
static bool
end_requests(struct aio *aio)
{
	int64_t deadline = milliseconds() + PATIENCE_MS;

	/* Those behind first, so that none gets the place of one that is taken back. */
	for (int i = aio->room - 1; i >= 0; i--) {
		if (aio->requests[i] != NULL)
			cancel(aio, aio->requests[i]);
	}
	for (;;) {
		struct pollfd set = { .fd = aio->fd, .events = POLLIN };
		int64_t left = deadline - milliseconds();

		reap(aio);
		if (aio->going == 0)
			return true;
		if (left <= 0)
			return false;
		poll(&set, 1, (int)left);
	}
}

/* The environment ends: takes back what can be taken back, and waits for the rest. */
static void
aio_end(struct env_state *state, void *ended)
{
	struct aio_part *part = ended;
	struct aio *aio = part->aio;

	free_abandoned();
	if (aio == NULL)
		return;
	part->aio = NULL;
	if (end_requests(aio)) {
		aio_free(state, aio);
		return;
	}
	/* It is needed for longer than the environment. */
	owned_forget(&state->ownership, aio->fd);
	pthread_mutex_lock(&abandoned_lock);
	aio->next = abandoned;
	abandoned = aio;
	pthread_mutex_unlock(&abandoned_lock);
}

struct aio_part *
aio_part(struct env_state *state)
{
	static const struct env_kind kind = { .size = sizeof(struct aio_part), .end = aio_end };

	return env_part(state, &kind);
}

int
aio_close(struct env_state *state, struct aio_part *part)
{
	struct aio *aio = part->aio;

	if (aio == NULL || aio->going > 0) {
		errno = aio == NULL ? EBADF : EBUSY;
		return -1;
	}
	part->aio = NULL;
	aio_free(state, aio);
	return 0;
}
