/*
 * Asynchronous I/O of one environment: requests, by whom they are done, and when
 * they are over, see aio.c.
 *
 * A request goes from `ready` to the backend, which ends it with `aio_over`; then it
 * is `done` until JavaScript takes the result. A sync is `held` before that until the
 * requests before it on the same file are over. All of this belongs to the thread of
 * the environment; what a backend shares with others is its own affair.
 */
#ifndef KQUEUE_AIO_H
#define KQUEUE_AIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "glue/env.h"

enum aio_operation { AIO_READ, AIO_WRITE, AIO_SYNC, AIO_DSYNC };

/* As aio_cancel(2) answers. */
enum aio_cancelled { AIO_CANCELED = 1, AIO_NOTCANCELED, AIO_ALLDONE };

/* By whom requests are done. */
enum aio_kind { AIO_ANY, AIO_URING, AIO_THREADS };

enum aio_state { AIO_PREPARED, AIO_HELD, AIO_STARTED, AIO_DONE, AIO_COLLECTED };

/* A duplicate of a descriptor of the program, for requests that cannot start at once. */
struct aio_file {
	struct aio_file *next;
	struct aio_file **link;
	int fd;
	int flags;
	dev_t dev;
	ino_t ino;
	size_t uses;
};

struct aio_request {
	/* The list that it is on. */
	struct aio_request *next;
	struct aio_request **link;
	enum aio_operation operation;
	enum aio_state state;
	int handle;
	/* Where to read or write: the program's descriptor, or that of `file`. */
	int fd;
	struct aio_file *file;
	int flags;
	dev_t dev;
	ino_t ino;
	int64_t offset;
	/* The program's memory may go away at any time, so the I/O is with ours. */
	void *buffer;
	uint32_t length;
	/* Bytes, or a negative errno. */
	int32_t result;
	/* Which request it is, counted from the first. */
	uint64_t number;
	/* Of a sync: the requests before it that are not over. */
	size_t before;
	/* It was running when it was to be cancelled, and was interrupted. */
	bool interrupted;
	/* No thread has taken it yet; for the backend of threads. */
	bool queued;
	struct aio *aio;
};

struct aio_list {
	struct aio_request *first;
	struct aio_request **end;
};

struct aio_backend {
	/* Makes `aio->inside` and `aio->fd`, which is readable when something is over; 0 or -1. */
	int (*open)(struct aio *aio, unsigned int room);
	/* Starts what is ready. What has no room stays, with a file of its own. */
	void (*start)(struct aio *aio);
	/* Calls `aio_over` for what is over. */
	void (*reap)(struct aio *aio);
	/* Takes back a request that has been started. */
	enum aio_cancelled (*cancel)(struct aio *aio, struct aio_request *request);
	/* Without requests that are not over. `aio->fd` is for the caller to close. */
	void (*close)(struct aio *aio);
};

/* Memory is kept in so many sizes. */
#define AIO_SIZES 12

struct aio_spare;

struct aio {
	const struct aio_backend *backend;
	/* What the backend keeps. */
	void *inside;
	int fd;
	/* By handle; NULL for those that are free. */
	struct aio_request **requests;
	int room;
	/* No handle below is free. */
	int lowest;
	/* Requests that are not over. */
	size_t going;
	struct aio_list ready, held, done;
	struct aio_file *files;
	/* Memory for the next requests, and how much that is. */
	struct aio_spare *spares[AIO_SIZES];
	size_t kept;
	uint64_t last_number;
	/* The list of those that could not be ended, see aio_end. */
	struct aio *next;
};

extern const struct aio_backend aio_uring;
extern const struct aio_backend aio_threads;

/* For backends. */

void aio_append(struct aio_list *list, struct aio_request *request);
void aio_remove(struct aio_list *list, struct aio_request *request);
bool aio_is_sync(const struct aio_request *request);
/* Gives a request a descriptor that the program cannot close: 0 or -1. */
int aio_keep_file(struct aio_request *request);
void aio_release_file(struct aio_request *request);
/* A request, on no list, has ended. */
void aio_over(struct aio_request *request, int32_t result);

/* Whether there can be such a request with its file, which is looked at: 0 or -1. */
int aio_check_file(struct aio_request *request);

/* Memory of at least this length, aligned for O_DIRECT; what was in it before is still there. */
void *aio_buffer_get(struct aio *aio, size_t length);
void aio_buffer_put(struct aio *aio, void *buffer, size_t length);
void aio_buffer_free_all(struct aio *aio);

/* For calls. */

/* What one environment has. */
struct aio_part {
	/* NULL while there is none. */
	struct aio *aio;
	/* By whom it is to be done, and with how much, for tests. */
	enum aio_kind preferred;
	unsigned int room;
};

/* NULL for want of memory. */
struct aio_part *aio_part(struct env_state *state);
/* The descriptor that is readable when something is over, or -1. */
int aio_open(struct env_state *state, struct aio_part *part);
/* Makes a request, with a copy of the data if it is one to write: its handle, or -1. */
int aio_submit(struct aio *aio, enum aio_operation operation, int fd, int64_t offset,
    const void *data, size_t length);
/* Starts what has been submitted. */
void aio_start(struct aio *aio);
/* The handles of at most `most` requests that are over; the result of each is to be taken. */
size_t aio_collect(struct aio *aio, int32_t *handles, size_t most);
/* The result, with what was read; frees the request. */
int32_t aio_take(struct aio *aio, int handle, void *data, size_t length);
enum aio_cancelled aio_cancel(struct aio *aio, int handle);
/* -1 with EBUSY while something goes on. */
int aio_close(struct env_state *state, struct aio_part *part);

#endif
