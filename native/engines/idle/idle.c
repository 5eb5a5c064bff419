/*
 * Whether nothing has happened since an epoll instance was looked at, without a system call:
 * io_uring(7) polls the instance, once, and the tail of the completion queue, which moves when
 * that has something to tell, is memory that JavaScript reads.
 *
 * What happens in this thread is there when its system call returns, and what another does
 * interrupts this thread before it goes on. IORING_SETUP_COOP_TASKRUN and
 * IORING_SETUP_DEFER_TASKRUN would put that off, so they are not used.
 *
 * The poll keeps the epoll instance, not what is watched in it. When the ring is closed its
 * memory is taken away from JavaScript first.
 */
#include "engines/engines.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/io_uring.h>

#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#define SYS_io_uring_enter 426
#endif

/* One poll at a time, and its cancellation. */
#define ENTRIES 2
#define POLL_REQUEST 1
#define CANCEL_REQUEST 2

struct idle {
	bool open;
	int fd;
	char *rings;
	size_t rings_size;
	struct io_uring_sqe *sqes;
	struct io_uring_params params;
	/* What JavaScript has of it. */
	napi_ref tail;
};

static _Atomic uint32_t *
word(const struct idle *idle, uint32_t offset)
{
	return (_Atomic uint32_t *)(void *)(idle->rings + offset);
}

static int
ring_map(struct idle *idle)
{
	const struct io_uring_params *params = &idle->params;
	size_t sq = params->sq_off.array + params->sq_entries * sizeof(uint32_t);
	size_t cq = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
	void *rings, *sqes;

	idle->rings_size = sq > cq ? sq : cq;
	rings = mmap(NULL, idle->rings_size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_POPULATE, idle->fd, IORING_OFF_SQ_RING);
	if (rings == MAP_FAILED)
		return -1;
	sqes = mmap(NULL, params->sq_entries * sizeof(*idle->sqes), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_POPULATE, idle->fd, IORING_OFF_SQES);
	if (sqes == MAP_FAILED) {
		munmap(rings, idle->rings_size);
		return -1;
	}
	idle->rings = rings;
	idle->sqes = sqes;
	return 0;
}

static void
ring_unmap(struct idle *idle)
{
	munmap(idle->sqes, idle->params.sq_entries * sizeof(*idle->sqes));
	munmap(idle->rings, idle->rings_size);
}

/* No JavaScript runs any more. */
static void
end(struct env_state *state, void *part)
{
	struct idle *idle = part;

	(void)state;
	if (idle->open)
		ring_unmap(idle);
	idle->open = false;
}

static const struct env_kind idle_kind = { .size = sizeof(struct idle), .end = end };

/* 0, or -1 with errno: also where the kernel has no ring that does what is needed. */
static int
ring_open(struct env_state *state, struct idle *idle)
{
	/* With IORING_FEAT_NATIVE_WORKERS, Linux 5.12, rings count against nobody's RLIMIT_MEMLOCK. */
	const uint32_t needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | UINT32_C(1) << 9;

	memset(&idle->params, 0, sizeof(idle->params));
	idle->fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &idle->params);
	if (env_own(state, idle->fd, -1) < 0)
		return -1;
	if ((idle->params.features & needed) != needed)
		errno = ENOSYS;
	else if (ring_map(idle) == 0)
		return 0;
	int error = errno;

	env_close(state, idle->fd);
	errno = error;
	return -1;
}

/* The tail of the completion queue, for JavaScript: NULL with an exception pending. */
static napi_value
tail_array(napi_env env, struct idle *idle)
{
	napi_value buffer = NULL, array = NULL;

	if (napi_create_external_arraybuffer(env, idle->rings + idle->params.cq_off.tail,
	    sizeof(uint32_t), NULL, NULL, &buffer) != napi_ok ||
	    napi_create_typedarray(env, napi_int32_array, 1, buffer, 0, &array) != napi_ok ||
	    napi_create_reference(env, buffer, 1, &idle->tail) != napi_ok)
		return NULL;
	return array;
}

static napi_value
idle_open(struct call *call)
{
	struct idle *idle = env_part(call->state, &idle_kind);
	napi_value array;

	errno = idle == NULL ? ENOMEM : EALREADY;
	if (idle == NULL || idle->open || ring_open(call->state, idle) < 0)
		return call_result(call, -1);
	array = tail_array(call->env, idle);
	/* Some who run JavaScript allow no memory of others. */
	if (array != NULL) {
		idle->open = true;
		return array;
	}
	ring_unmap(idle);
	env_close(call->state, idle->fd);
	errno = ENOTSUP;
	return call_result(call, -1);
}

/* The environment's if it is open, else NULL with EBADF. */
static struct idle *
opened(struct env_state *state)
{
	struct idle *idle = env_find_part(state, &idle_kind);

	errno = EBADF;
	return idle != NULL && idle->open ? idle : NULL;
}

static int
idle_close(struct call *call)
{
	struct idle *idle = opened(call->state);
	napi_value buffer = NULL;

	if (idle == NULL)
		return -1;
	/* Memory that could not be taken away stays until the end. */
	if (napi_get_reference_value(call->env, idle->tail, &buffer) != napi_ok ||
	    napi_detach_arraybuffer(call->env, buffer) != napi_ok)
		return 0;
	napi_delete_reference(call->env, idle->tail);
	idle->open = false;
	ring_unmap(idle);
	return env_close(call->state, idle->fd);
}

static int
submit(const struct idle *idle, const struct io_uring_sqe *request, uint32_t completions)
{
	const struct io_uring_params *params = &idle->params;
	_Atomic uint32_t *tail = word(idle, params->sq_off.tail);
	uint32_t at = atomic_load_explicit(tail, memory_order_relaxed);
	uint32_t *array = (uint32_t *)(void *)(idle->rings + params->sq_off.array);
	uint32_t index = at & (params->sq_entries - 1);
	long count;

	idle->sqes[index] = *request;
	array[index] = index;
	atomic_store_explicit(tail, at + 1, memory_order_release);
	do {
		count = syscall(SYS_io_uring_enter, idle->fd, 1, completions,
		    completions > 0 ? IORING_ENTER_GETEVENTS : 0, NULL, (size_t)0);
	} while (count < 0 && errno == EINTR);
	if (count == 1)
		return 0;
	if (count == 0)
		errno = EAGAIN;
	/* It was not taken. */
	atomic_store_explicit(tail, at, memory_order_release);
	return -1;
}

/* How many completions there are; they are taken. */
static uint32_t
take_completions(const struct idle *idle)
{
	_Atomic uint32_t *head = word(idle, idle->params.cq_off.head);
	_Atomic uint32_t *tail = word(idle, idle->params.cq_off.tail);
	uint32_t from = atomic_load_explicit(head, memory_order_relaxed);
	uint32_t to = atomic_load_explicit(tail, memory_order_acquire);

	atomic_store_explicit(head, to, memory_order_release);
	return to - from;
}

/* 1 when the instance is polled from now on, 0 when it has something to tell; -1 with errno. */
static int
idle_arm(struct call *call)
{
	struct idle *idle = opened(call->state);
	struct io_uring_sqe request = {
		.opcode = IORING_OP_POLL_ADD,
		.fd = call->ints[0],
		.poll32_events = EPOLLIN,
		.user_data = POLL_REQUEST,
	};

	if (idle == NULL)
		return -1;
	take_completions(idle);
	if (submit(idle, &request, 0) < 0)
		return -1;
	return take_completions(idle) == 0 ? 1 : 0;
}

static int
idle_disarm(struct call *call)
{
	struct idle *idle = opened(call->state);
	struct io_uring_sqe request = {
		.opcode = IORING_OP_POLL_REMOVE,
		.fd = -1,
		.addr = POLL_REQUEST,
		.user_data = CANCEL_REQUEST,
	};

	if (idle == NULL || submit(idle, &request, 1) < 0)
		return -1;
	take_completions(idle);
	return 0;
}

const struct call_entry idle_calls[] = {
	CALL_ANSWER("idleOpen", idle_open, NULL),
	CALL_RESULT("idleArm", idle_arm, "epfd"),
	CALL_RESULT("idleDisarm", idle_disarm, NULL),
	CALL_RESULT("idleClose", idle_close, NULL),
	CALL_END,
};
