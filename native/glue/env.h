/*
 * What the addon keeps for one environment (the main thread or a worker): the
 * descriptors that it made, the running loop watches, and the buffers of the
 * hot path. Made when the addon is loaded into the environment; when that ends,
 * the watches are closed first, then every descriptor that is still its own.
 */
#ifndef KQUEUE_ENV_H
#define KQUEUE_ENV_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include <linux/aio_abi.h>

#include <node_api.h>
#include <uv.h>

#include "owned.h"

/* How many files one epoll_wait(2) or poll(2) of ours deals with. */
#define ENV_BATCH 1024

struct aio;
struct event_fifo;
struct loop_watch;
struct signal_watcher;

struct env_state {
	napi_env env;
	napi_async_cleanup_hook_handle cleanup;
	bool ending;

	struct ownership ownership;

	struct loop_watch *running;
	/* Looks at watches that libuv is about to register; NULL before the first. */
	uv_prepare_t *prepare;
	/* uv handles whose close callback is still to come. */
	size_t closing;

	/* What the process connector tells this environment; NULL while it does not listen. */
	struct event_fifo *connector;
	/* The signals that this environment watches; NULL while it watches none. */
	struct signal_watcher *signals;

	/* Asynchronous I/O, NULL while there is none; by whom it is to be done, for tests. */
	struct aio *aio;
	int aio_preferred;
	unsigned int aio_room;

	int diag_fd;
	uint32_t diag_sequence;
	bool lacks_pwait2;

	/* A context of io_setup(2) for pollprobe.c, 0 while there is none. */
	aio_context_t poll_context;
	bool lacks_poll_request;

	struct epoll_event events[ENV_BATCH];
	struct pollfd polls[ENV_BATCH];
};

/* Attaches a new state to `env`; false when an exception is pending. */
bool env_begin(napi_env env);

/* A uv handle counted in `closing` has been closed. */
void env_handle_closed(struct env_state *state);

#endif
