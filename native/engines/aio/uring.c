/*
 * Asynchronous I/O by io_uring(7), with bare system calls: one ring an environment.
 *
 * The submission queue is empty between two calls. No more requests are given to the
 * kernel than the completion queue has room for, so that no completion is ever without
 * a place.
 *
 * Used from Linux 5.12 on. Before, the rings count against RLIMIT_MEMLOCK, and what
 * blocks is done by threads of the kernel that are not ours.
 */
#include "aio.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/io_uring.h>
#include <linux/magic.h>

/* Younger than some headers; the numbers are the same on all machines that Node runs on. */
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#define SYS_io_uring_enter 426
#endif
#ifndef SYS_io_uring_register
#define SYS_io_uring_register 427
#endif
#define REGISTER_IOWQ_MAX_WORKERS 19
#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#ifndef IORING_FEAT_NATIVE_WORKERS
#define IORING_FEAT_NATIVE_WORKERS (UINT32_C(1) << 9)
#endif

/* So many requests are submitted at once, and four times as many can be going on. */
#define ENTRIES 1024
#define FEWEST_ENTRIES 32
/* The kernel's threads for requests that it does not try at once. */
#define MOST_THREADS 32
/* The completion of a cancellation has no request. */
#define NO_REQUEST UINT64_MAX
/* No answer yet; results are 0 or negative. */
#define UNANSWERED 1

struct uring {
	int fd;
	/* Powers of two. */
	uint32_t entries, completions;
	void *rings;
	size_t rings_size;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	_Atomic uint32_t *sq_head, *sq_tail, *sq_flags, *cq_head, *cq_tail;
	/* Requests that the kernel has. */
	uint32_t inside;
	/* What the last cancellation has answered. */
	int32_t answer;
};

static int
enter(const struct uring *ring, uint32_t submit, uint32_t complete, uint32_t flags)
{
	int result;

	do {
		result = (int)syscall(SYS_io_uring_enter, ring->fd, submit, complete, flags,
		    NULL, (size_t)0);
	} while (result < 0 && errno == EINTR);
	return result;
}

/* The ring */

static _Atomic uint32_t *
word(const struct uring *ring, uint32_t offset)
{
	return (_Atomic uint32_t *)((char *)ring->rings + offset);
}

static int
map_rings(struct uring *ring, const struct io_uring_params *params)
{
	size_t sq = params->sq_off.array + params->sq_entries * sizeof(uint32_t);
	size_t cq = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
	uint32_t *array;

	ring->rings_size = sq > cq ? sq : cq;
	ring->rings = mmap(NULL, ring->rings_size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQ_RING);
	if (ring->rings == MAP_FAILED)
		return -1;
	ring->sqes = mmap(NULL, params->sq_entries * sizeof(struct io_uring_sqe),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
	if (ring->sqes == MAP_FAILED) {
		int error = errno;

		munmap(ring->rings, ring->rings_size);
		errno = error;
		return -1;
	}
	ring->cqes = (struct io_uring_cqe *)((char *)ring->rings + params->cq_off.cqes);
	ring->sq_head = word(ring, params->sq_off.head);
	ring->sq_tail = word(ring, params->sq_off.tail);
	ring->sq_flags = word(ring, params->sq_off.flags);
	ring->cq_head = word(ring, params->cq_off.head);
	ring->cq_tail = word(ring, params->cq_off.tail);
	/* Entries are used in their order. */
	array = (uint32_t *)((char *)ring->rings + params->sq_off.array);
	for (uint32_t i = 0; i < params->sq_entries; i++)
		array[i] = i;
	return 0;
}

static int
ring_begin(struct uring *ring, uint32_t entries)
{
	struct io_uring_params params;
	/* Of the first kind as many as the kernel likes. */
	uint32_t workers[2] = { 0, MOST_THREADS };
	const uint32_t needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP |
	    IORING_FEAT_NATIVE_WORKERS;

	memset(&params, 0, sizeof(params));
	params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
	params.cq_entries = entries * 4;
	ring->fd = (int)syscall(SYS_io_uring_setup, entries, &params);
	if (ring->fd < 0)
		return -1;
	if ((params.features & needed) != needed) {
		errno = ENOSYS;
		return close_quietly(ring->fd);
	}
	/* Otherwise there is a thread for each of them. Since Linux 5.15. */
	syscall(SYS_io_uring_register, ring->fd, REGISTER_IOWQ_MAX_WORKERS, workers, 2);
	ring->entries = params.sq_entries;
	ring->completions = params.cq_entries;
	/* Who forbids system calls may allow the first and not the second. */
	return enter(ring, 0, 0, 0) < 0 || map_rings(ring, &params) < 0 ? close_quietly(ring->fd) : 0;
}

static int
uring_open(struct aio *aio, unsigned int room)
{
	struct uring *ring = calloc(1, sizeof(*ring));
	uint32_t entries = room == 0 ? ENTRIES : room;
	int result;

	if (ring == NULL)
		return -1;
	do {
		result = ring_begin(ring, entries);
		entries /= 2;
	} while (result < 0 && errno == ENOMEM && entries >= FEWEST_ENTRIES);
	if (result < 0) {
		int error = errno;

		free(ring);
		errno = error;
		return -1;
	}
	aio->inside = ring;
	aio->fd = ring->fd;
	return 0;
}

static void
uring_close(struct aio *aio)
{
	struct uring *ring = aio->inside;

	munmap(ring->sqes, ring->entries * sizeof(struct io_uring_sqe));
	munmap(ring->rings, ring->rings_size);
	free(ring);
}

/* Completions */

static void
take_completion(struct aio *aio, struct uring *ring, const struct io_uring_cqe *cqe)
{
	if (cqe->user_data == NO_REQUEST) {
		ring->answer = cqe->res;
		return;
	}
	ring->inside--;
	aio_over(aio->requests[cqe->user_data], cqe->res);
}

static void
take_completions(struct aio *aio, struct uring *ring)
{
	uint32_t head = atomic_load_explicit(ring->cq_head, memory_order_relaxed);
	uint32_t tail = atomic_load_explicit(ring->cq_tail, memory_order_acquire);

	for (; head != tail; head++)
		take_completion(aio, ring, &ring->cqes[head & (ring->completions - 1)]);
	atomic_store_explicit(ring->cq_head, head, memory_order_release);
}

static void
uring_reap(struct aio *aio)
{
	struct uring *ring = aio->inside;

	take_completions(aio, ring);
	/* The answer to a cancellation can be one too many: the kernel keeps it until asked. */
	while (atomic_load_explicit(ring->sq_flags, memory_order_relaxed) & IORING_SQ_CQ_OVERFLOW) {
		if (enter(ring, 0, 0, IORING_ENTER_GETEVENTS) < 0)
			return;
		take_completions(aio, ring);
	}
}

/* Submissions */

static struct io_uring_sqe *
next_entry(struct uring *ring, uint32_t tail)
{
	struct io_uring_sqe *sqe = &ring->sqes[tail & (ring->entries - 1)];

	memset(sqe, 0, sizeof(*sqe));
	return sqe;
}

/*
 * Whether the kernel may try a request before it leaves it to a thread of its own. It
 * asks the file system not to block, and some do all the same, such as FUSE; these do not.
 */
static bool
is_prompt(int fd)
{
	struct statfs statfs;

	if (fstatfs(fd, &statfs) < 0)
		return false;
	switch ((uint32_t)statfs.f_type) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
	case TMPFS_MAGIC:
	case OVERLAYFS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

static void
describe(struct io_uring_sqe *sqe, const struct aio_request *request, bool prompt)
{
	sqe->fd = request->fd;
	sqe->flags = prompt ? 0 : IOSQE_ASYNC;
	sqe->user_data = (uint64_t)request->handle;
	switch (request->operation) {
	case AIO_READ:
	case AIO_WRITE:
		sqe->opcode = request->operation == AIO_READ ? IORING_OP_READ : IORING_OP_WRITE;
		sqe->addr = (uint64_t)(uintptr_t)request->buffer;
		sqe->len = request->length;
		sqe->off = (uint64_t)request->offset;
		break;
	case AIO_DSYNC:
		sqe->fsync_flags = IORING_FSYNC_DATASYNC;
		/* Falls through. */
	case AIO_SYNC:
		sqe->opcode = IORING_OP_FSYNC;
		break;
	}
}

/* Describes as many of those that are ready as there is room for. */
static void
fill(struct aio *aio, struct uring *ring)
{
	uint32_t tail = atomic_load_explicit(ring->sq_tail, memory_order_relaxed);
	uint32_t first = tail;
	const struct aio_request *last = NULL;
	bool prompt = false;

	while (aio->ready.first != NULL && ring->inside < ring->completions &&
	    tail - first < ring->entries) {
		struct aio_request *request = aio->ready.first;

		aio_remove(&aio->ready, request);
		if (last == NULL || request->dev != last->dev)
			prompt = is_prompt(request->fd);
		last = request;
		/* The kernel looks up the descriptor of what it does not try at once later. */
		if ((!prompt || aio_is_sync(request)) && aio_keep_file(request) < 0) {
			aio_over(request, -errno);
			continue;
		}
		request->state = AIO_STARTED;
		describe(next_entry(ring, tail++), request, prompt);
		ring->inside++;
	}
	atomic_store_explicit(ring->sq_tail, tail, memory_order_release);
}

/* What has been described and the kernel has not taken. */
static uint32_t
described(const struct uring *ring)
{
	return atomic_load_explicit(ring->sq_tail, memory_order_relaxed) -
	    atomic_load_explicit(ring->sq_head, memory_order_acquire);
}

/* The kernel has no memory for more: these requests fail with the error. */
static void
take_back(struct aio *aio, struct uring *ring, int error)
{
	uint32_t tail = atomic_load_explicit(ring->sq_tail, memory_order_relaxed);
	uint32_t head = tail - described(ring);

	/* Nobody reads the queue while no call submits. */
	atomic_store_explicit(ring->sq_tail, head, memory_order_release);
	for (; head != tail; head++) {
		uint64_t handle = ring->sqes[head & (ring->entries - 1)].user_data;

		if (handle == NO_REQUEST) {
			ring->answer = -error;
			continue;
		}
		ring->inside--;
		aio_over(aio->requests[handle], -error);
	}
}

/* Has the kernel take what is described. */
static void
submit(struct aio *aio, struct uring *ring)
{
	uint32_t count;

	while ((count = described(ring)) > 0) {
		uint32_t inside = ring->inside;
		int result = enter(ring, count, 0, 0);
		int error = result < 0 ? errno : EAGAIN;

		/* A request that is wrong ends the batch; those behind it go on their way next. */
		if (result > 0)
			continue;
		uring_reap(aio);
		if ((error == EAGAIN || error == EBUSY) && ring->inside < inside)
			continue;
		take_back(aio, ring, error == EBUSY ? EAGAIN : error);
	}
}

/* No room: the program may close its descriptors before there is some. */
static void
keep_files(struct aio *aio)
{
	struct aio_request *next;

	for (struct aio_request *request = aio->ready.first; request != NULL; request = next) {
		next = request->next;
		if (aio_keep_file(request) == 0)
			continue;
		aio_remove(&aio->ready, request);
		aio_over(request, -errno);
	}
}

static void
uring_start(struct aio *aio)
{
	struct uring *ring = aio->inside;

	while (aio->ready.first != NULL) {
		if (ring->inside == ring->completions)
			uring_reap(aio);
		if (ring->inside == ring->completions) {
			keep_files(aio);
			return;
		}
		fill(aio, ring);
		submit(aio, ring);
	}
}

/* Cancellation */

/* What the kernel says of the cancellation of a request: 0, -ENOENT or -EALREADY. */
static int
ask_to_cancel(struct aio *aio, struct uring *ring, const struct aio_request *request)
{
	uint32_t tail = atomic_load_explicit(ring->sq_tail, memory_order_relaxed);
	struct io_uring_sqe *sqe = next_entry(ring, tail);

	sqe->opcode = IORING_OP_ASYNC_CANCEL;
	sqe->fd = -1;
	sqe->addr = (uint64_t)request->handle;
	sqe->user_data = NO_REQUEST;
	atomic_store_explicit(ring->sq_tail, tail + 1, memory_order_release);
	ring->answer = UNANSWERED;
	submit(aio, ring);
	uring_reap(aio);
	while (ring->answer == UNANSWERED && enter(ring, 0, 1, IORING_ENTER_GETEVENTS) >= 0)
		uring_reap(aio);
	return ring->answer;
}

static enum aio_cancelled
uring_cancel(struct aio *aio, struct aio_request *request)
{
	struct uring *ring = aio->inside;
	int answer;

	uring_reap(aio);
	if (request->state == AIO_DONE)
		return AIO_ALLDONE;
	request->interrupted = true;
	answer = ask_to_cancel(aio, ring, request);
	/* It was found before it had begun: its end is on the way. */
	while (answer == 0 && request->state != AIO_DONE &&
	    enter(ring, 0, 1, IORING_ENTER_GETEVENTS) >= 0)
		uring_reap(aio);
	if (request->state == AIO_DONE)
		return request->result == -ECANCELED ? AIO_CANCELED : AIO_ALLDONE;
	/* A request that is running is interrupted, and ends as it will. */
	request->interrupted = answer == -EALREADY;
	return AIO_NOTCANCELED;
}

const struct aio_backend aio_uring = {
	.open = uring_open,
	.start = uring_start,
	.reap = uring_reap,
	.cancel = uring_cancel,
	.close = uring_close,
};
