/*
 * Asynchronous I/O by threads that do pread(2) and the like, where there is no
 * io_uring: FreeBSD's AIO daemons. All environments share them. They come as there is
 * something to do, and go when there is nothing for a while.
 *
 * Not libuv's threads: there are four for all files, names and ciphers of the process,
 * and their work is over only when the event loop turns.
 */
#include "aio.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* vfs.aio.max_aio_procs */
#define MOST_THREADS 32
/* So long a thread waits for something to do. */
#define IDLE_SECONDS 1

static pthread_once_t once = PTHREAD_ONCE_INIT;
/* Guards all of the following, and the state of the requests in them. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wanted;
static struct aio_list queue = { .first = NULL, .end = &queue.first };
static unsigned int waiting;
/* Threads, and those of them that perform nothing. */
static unsigned int threads, idle, most = MOST_THREADS;
static unsigned int environments;

static void
prepare(void)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&wanted, &attributes);
	pthread_condattr_destroy(&attributes);
}

/* In a thread, without the lock */

static ssize_t
perform_once(const struct aio_request *request)
{
	switch (request->operation) {
	case AIO_READ:
		return pread(request->fd, request->buffer, request->length, request->offset);
	case AIO_WRITE:
		return pwrite(request->fd, request->buffer, request->length, request->offset);
	case AIO_SYNC:
		return fsync(request->fd);
	default:
		return fdatasync(request->fd);
	}
}

static int32_t
perform(const struct aio_request *request)
{
	ssize_t result;

	do {
		result = perform_once(request);
	} while (result < 0 && errno == EINTR);
	return result < 0 ? -errno : (int32_t)result;
}

/* In a thread, with the lock */

static void
tell(struct aio_request *request)
{
	struct aio_list *over = request->aio->inside;
	bool first = over->first == NULL;

	aio_append(over, request);
	/* It cannot fail: the counter is far from full. */
	if (first)
		(void)eventfd_write(request->aio->fd, 1);
}

/* Whether something has come within the time. */
static bool
wait_for_work(void)
{
	struct timespec until;
	int error = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_SECONDS;
	while (queue.first == NULL && environments > 0 && error == 0)
		error = pthread_cond_timedwait(&wanted, &lock, &until);
	return queue.first != NULL;
}

static struct aio_request *
dequeue(struct aio_request *request)
{
	aio_remove(&queue, request);
	request->queued = false;
	waiting--;
	return request;
}

static void *
work(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&lock);
	while (queue.first != NULL || wait_for_work()) {
		struct aio_request *request = dequeue(queue.first);

		idle--;
		pthread_mutex_unlock(&lock);
		request->result = perform(request);
		pthread_mutex_lock(&lock);
		idle++;
		tell(request);
	}
	idle--;
	threads--;
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* In an environment, with the lock */

static int
thread_start(void)
{
	pthread_t thread;
	int error = env_thread(&thread, work, NULL);

	if (error == 0) {
		pthread_detach(thread);
		threads++;
		idle++;
	}
	return error;
}

/* 0 when there is a thread for what is queued. */
static int
enough_threads(void)
{
	int error = 0;

	while (error == 0 && threads < most && idle < waiting)
		error = thread_start();
	return threads > 0 ? 0 : error;
}

/* In an environment */

static int
threads_open(struct aio *aio, unsigned int room)
{
	/* What is over, shared with the threads under the lock; the eventfd tells of the first. */
	struct aio_list *over = calloc(1, sizeof(*over));

	if (over == NULL)
		return -1;
	aio->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (aio->fd < 0) {
		free(over);
		return -1;
	}
	over->end = &over->first;
	pthread_once(&once, prepare);
	pthread_mutex_lock(&lock);
	environments++;
	most = room == 0 ? MOST_THREADS : room;
	pthread_mutex_unlock(&lock);
	aio->inside = over;
	return 0;
}

static void
threads_close(struct aio *aio)
{
	pthread_mutex_lock(&lock);
	if (--environments == 0)
		pthread_cond_broadcast(&wanted);
	pthread_mutex_unlock(&lock);
	free(aio->inside);
}

/* No thread can be had, and none is there: nobody would do what is queued. */
static void
give_up(int error)
{
	while (queue.first != NULL) {
		struct aio_request *request = dequeue(queue.first);

		request->result = -error;
		tell(request);
	}
}

static void
threads_start(struct aio *aio)
{
	struct aio_request *next;
	int error;

	pthread_mutex_lock(&lock);
	for (struct aio_request *request = aio->ready.first; request != NULL; request = next) {
		next = request->next;
		aio_remove(&aio->ready, request);
		request->state = AIO_STARTED;
		if (aio_keep_file(request) < 0) {
			request->result = -errno;
			tell(request);
			continue;
		}
		aio_append(&queue, request);
		request->queued = true;
		waiting++;
		pthread_cond_signal(&wanted);
	}
	error = enough_threads();
	if (error != 0)
		give_up(error);
	pthread_mutex_unlock(&lock);
}

static void
threads_reap(struct aio *aio)
{
	struct aio_list *list = aio->inside;
	struct aio_request *over, *next;
	eventfd_t rung;

	pthread_mutex_lock(&lock);
	over = list->first;
	list->first = NULL;
	list->end = &list->first;
	if (over != NULL)
		(void)eventfd_read(aio->fd, &rung);
	pthread_mutex_unlock(&lock);
	for (; over != NULL; over = next) {
		next = over->next;
		aio_over(over, over->result);
	}
}

static enum aio_cancelled
threads_cancel(struct aio *aio, struct aio_request *request)
{
	bool queued;

	threads_reap(aio);
	if (request->state == AIO_DONE)
		return AIO_ALLDONE;
	pthread_mutex_lock(&lock);
	queued = request->queued;
	if (queued)
		dequeue(request);
	pthread_mutex_unlock(&lock);
	if (!queued)
		return AIO_NOTCANCELED;
	aio_over(request, -ECANCELED);
	return AIO_CANCELED;
}

const struct aio_backend aio_threads = {
	.open = threads_open,
	.start = threads_start,
	.reap = threads_reap,
	.cancel = threads_cancel,
	.close = threads_close,
};
