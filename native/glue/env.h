/*
 * What the addon keeps for one environment (the main thread or a worker): the
 * descriptors that it made, the buffers of the hot path, and a part for each file
 * that keeps something of its own. Made when the addon is loaded into the environment;
 * when that ends, its parts end first, then every descriptor is closed that is still
 * its own.
 */
#ifndef KQUEUE_ENV_H
#define KQUEUE_ENV_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include <node_api.h>

#include "owned.h"

/* How many files one epoll_wait(2) or poll(2) of ours deals with. */
#define ENV_BATCH 1024

struct env_part;

/*
 * Memory that JavaScript and the addon share, so that the hottest calls need no arguments:
 * `board[BOARD_RECORDS + i * RECORD + field]`. Records of what has happened, and behind them
 * records of questions.
 */
enum board_field {
	BOARD_EPFD,
	/* The side that is asked about. */
	BOARD_SIDE,
	/* How many questions there are, */
	BOARD_QUESTIONS,
	/* and of how many files that have fired the level is asked. */
	BOARD_ASKED,
	/* How long to wait, -1 s for ever; or when a process was opened. */
	BOARD_SEC,
	BOARD_NSEC,
	/* What is registered in BOARD_EPFD: the descriptor, for which events, and the datum with it;
	   or the process that is opened. */
	BOARD_FD,
	BOARD_EVENTS,
	BOARD_GENERATION,
	BOARD_RECORDS = 10
};

struct env_state {
	napi_env env;
	/* NULL where the end waits for nothing. */
	napi_async_cleanup_hook_handle cleanup;
	bool ending;
	/* What the end still waits for. */
	size_t holds;

	struct ownership ownership;
	/* The last one made is the first. */
	struct env_part *parts;

	/* An Int32Array of memory that cannot be taken away; NULL until it is given. */
	int32_t *board;
	napi_ref board_holder;
	/* For who watches an epoll instance, where there is a board: see `level_look`. */
	int (*look)(struct env_state *state, int epfd);

	/* So many proofs are still waived, and where the next number comes from. */
	uint32_t waived;
	uint32_t chance;

	struct epoll_event events[ENV_BATCH];
	struct pollfd polls[ENV_BATCH];
};

/* What a file keeps for each environment. Its functions may be NULL. */
struct env_kind {
	size_t size;
	/* The environment ends: parts end in the reverse of the order in which they were made. */
	void (*end)(struct env_state *state, void *part);
	/* A descriptor of the environment is about to be closed. */
	void (*closing)(void *part, int fd);
};

/* Attaches a new state to `env`; false when an exception is pending. */
bool env_begin(napi_env env);

/* The part of that kind, made of zeros if there is none: NULL for want of memory. */
void *env_part(struct env_state *state, const struct env_kind *kind);
/* The same, NULL if there is none. */
void *env_find_part(struct env_state *state, const struct env_kind *kind);

/* For an end that is not over when it returns: the environment waits for the release. */
void env_hold(struct env_state *state);
void env_release(struct env_state *state);

/* A thread that gets no signals, which are for those that know what to do with them: 0 or an errno. */
int env_thread(pthread_t *thread, void *(*run)(void *), void *data);

/* As `owned_take`, for the environment. */
int env_own(struct env_state *state, int fd, int ready);
/*
 * Closes a descriptor that is owned, and forgets it. -1 with EBADF when it is not
 * owned, or when its number was closed by others and may be theirs by now.
 */
int env_close(struct env_state *state, int fd);

#endif
