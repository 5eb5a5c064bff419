/*
 * Watches in the event loop of a thread: what is kept of them, and between watch.c, which
 * keeps them, poll.c and ear.c, which look, and calls.c, which JavaScript calls.
 */
#ifndef KQUEUE_LOOP_H
#define KQUEUE_LOOP_H

#include <stdbool.h>

#include <node_api.h>

#include "glue/env.h"
#include "glue/libuv.h"

struct ear;
struct loop_watch;

/* Of one environment. */
struct loop {
	struct env_state *state;
	struct loop_watch *running;
	/* The threads of those that have been started. */
	struct ear *ears;
	/* Looks at watches that libuv is about to register; NULL before the first. */
	uv_prepare_t *prepare;
};

struct loop_watch {
	struct loop *loop;
	int fd;
	bool referenced;
	/* It is among those of the loop. */
	bool running;
	/* libuv has yet to register it. */
	bool fresh;
	/* By libuv, while it runs; */
	uv_poll_t *handle;
	/* or by a thread, from its first start on. */
	struct ear *ear;
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
/* Whether it keeps the process alive while it runs. */
void watch_refer(struct loop_watch *watch, bool referenced);
/* It is about to be freed. */
void watch_end(struct loop_watch *watch);

/* With this a watch's function is called again, when all that it has set going has gone on. */
enum { LOOP_CALLED = 1 << 30 };

/* For who looks. */

/* The descriptor is readable: tells how many records of that are on the board. */
void watch_call(struct loop_watch *watch);
/* Stops it, and tells why: a negative errno. */
void watch_fail(struct loop_watch *watch, int status);

/* By libuv. */

int poll_start(struct loop_watch *watch);
void poll_stop(struct loop_watch *watch);
void poll_refer(struct loop_watch *watch);
void poll_end(struct loop *loop);
/*
 * Adds a descriptor to the loop's epoll instance as libuv will do: 0, also when it is
 * there already, or a negative errno.
 */
int poll_allows(napi_env env, int fd);
/* The same for `fd` at the end of so many epoll instances of ours, which leaves nothing. */
int poll_probe(napi_env env, int fd, int levels);
/* Whether a signal has come of which libuv has yet to tell. */
bool poll_signal_pending(napi_env env);

/* By a thread. */

int ear_start(struct loop_watch *watch);
void ear_stop(struct loop_watch *watch);
void ear_refer(struct loop_watch *watch);
/* The watch has no thread any more. */
void ear_end(struct loop_watch *watch);
/* Nor has any of this descriptor. */
void ear_closing(struct loop *loop, int fd);

#endif
