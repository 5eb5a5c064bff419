/*
 * Watches in Node's event loop: what is kept of them, and between watch.c, which has libuv
 * look, and calls.c, which JavaScript calls.
 */
#ifndef KQUEUE_LOOP_H
#define KQUEUE_LOOP_H

#include <stdbool.h>

#include <node_api.h>
#include <uv.h>

#include "glue/env.h"

struct loop_watch;

/* Of one environment. */
struct loop {
	struct env_state *state;
	struct loop_watch *running;
	/* Looks at watches that libuv is about to register; NULL before the first. */
	uv_prepare_t *prepare;
};

struct loop_watch {
	struct loop *loop;
	int fd;
	bool referenced;
	/* libuv has yet to register it. */
	bool fresh;
	uv_poll_t *handle;
	napi_ref self;
	napi_ref callback;
	napi_async_context context;
	struct loop_watch *next;
	struct loop_watch **link;
};

extern const struct env_kind loop_kind;

/* Starts a watch, which may run already: 0, or a negative errno. */
int watch_start(struct loop_watch *watch);
void watch_stop(struct loop_watch *watch);

/*
 * Adds a descriptor to the loop's epoll instance as libuv will do: 0, also when it is
 * there already, or a negative errno.
 */
int loop_add(const uv_loop_t *uv, int fd);

#endif
