/*
 * Watches by a thread, where there is no libuv: the thread waits for the descriptor, and tells
 * the environment by a threadsafe function of Node-API.
 *
 * It does not look again before the environment has heard, so that a descriptor which stays
 * readable is told of as often as libuv would. A watch keeps its thread while it is stopped:
 * the next start is cheap then. Who waits in poll(2) holds the file, so the thread ends before
 * the descriptor is closed.
 *
 * The hook that ends the thread comes after those of the threadsafe function, and so runs
 * before them: nothing is told to a function that has gone.
 */
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>

enum ear_state {
	/* The thread waits for the watch to start. */
	EAR_RESTS,
	/* It waits for the descriptor. */
	EAR_LISTENS,
	/* What it has told is on its way. */
	EAR_TOLD,
	EAR_ENDS
};

struct ear {
	/* The list of the loop. */
	struct ear *next;
	struct ear **link;
	struct env_state *env_state;
	/* NULL when it has ended. */
	struct loop_watch *watch;
	int fd;
	/* An eventfd, written to when the thread is to end. */
	int bell;
	napi_threadsafe_function tell;
	/* The function keeps the process alive. */
	bool keeps;
	/* The thread could not be told to end, and has this for ever. */
	bool abandoned;
	/* The environment is being told; what is forgotten meanwhile is freed then. */
	bool hearing;
	bool forgotten;
	pthread_t thread;
	/* Guards the rest. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum ear_state state;
};

/* In the thread */

/* Whether the watch runs, at last, or the thread is to end. */
static bool
is_wanted(struct ear *ear)
{
	enum ear_state state;

	pthread_mutex_lock(&ear->lock);
	while (ear->state == EAR_RESTS || ear->state == EAR_TOLD)
		pthread_cond_wait(&ear->changed, &ear->lock);
	state = ear->state;
	pthread_mutex_unlock(&ear->lock);
	return state == EAR_LISTENS;
}

/* Whether there is somebody to tell, who then is to be told. */
static bool
is_to_tell(struct ear *ear)
{
	bool listens;

	pthread_mutex_lock(&ear->lock);
	listens = ear->state == EAR_LISTENS;
	if (listens)
		ear->state = EAR_TOLD;
	pthread_mutex_unlock(&ear->lock);
	return listens;
}

/* 1 when the descriptor is readable, 0 when the bell rings, or a negative errno. */
static int
listen_once(struct pollfd set[2])
{
	if (poll(set, 2, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	/* It rings for the end; or the program has closed it, and has the number for something else. */
	if (set[1].revents != 0)
		set[1].fd = -1;
	if (set[0].revents & POLLNVAL)
		return -EBADF;
	return set[0].revents != 0;
}

static void *
listen_for(void *data)
{
	struct ear *ear = data;
	struct pollfd set[2] = {
		{ .fd = ear->fd, .events = POLLIN },
		{ .fd = ear->bell, .events = POLLIN },
	};

	while (is_wanted(ear)) {
		int heard = listen_once(set);

		if (heard != 0 && is_to_tell(ear) && napi_call_threadsafe_function(ear->tell,
		    (void *)(intptr_t)heard, napi_tsfn_nonblocking) != napi_ok)
			break;
	}
	return NULL;
}

/* In the environment */

static void
change(struct ear *ear, enum ear_state from, enum ear_state to)
{
	pthread_mutex_lock(&ear->lock);
	if (ear->state == from) {
		ear->state = to;
		pthread_cond_signal(&ear->changed);
	}
	pthread_mutex_unlock(&ear->lock);
}

static void
ear_free(struct ear *ear)
{
	pthread_cond_destroy(&ear->changed);
	pthread_mutex_destroy(&ear->lock);
	free(ear);
}

/* Nothing is told any more. */
static void
on_forgotten(napi_env env, void *data, void *hint)
{
	struct ear *ear = data;

	(void)env;
	(void)hint;
	ear->forgotten = true;
	if (!ear->hearing)
		ear_free(ear);
}

static void
hear(struct ear *ear, int status)
{
	struct loop_watch *watch = ear->watch;

	if (watch->running && status < 0)
		watch_fail(watch, status);
	else if (watch->running)
		watch_call(watch);
	/* The function may have stopped the watch, started it again, or had it freed. */
	watch = ear->watch;
	if (watch != NULL)
		change(ear, EAR_TOLD, watch->running ? EAR_LISTENS : EAR_RESTS);
}

static void
on_told(napi_env env, napi_value function, void *context, void *data)
{
	struct ear *ear = context;

	(void)function;
	if (env == NULL || ear->watch == NULL)
		return;
	ear->hearing = true;
	hear(ear, (int)(intptr_t)data);
	ear->hearing = false;
	if (ear->forgotten)
		on_forgotten(env, ear, NULL);
}

static void
keep(struct ear *ear, bool keeps)
{
	napi_env env = ear->env_state->env;

	if (ear->keeps == keeps)
		return;
	ear->keeps = keeps;
	if (keeps)
		napi_ref_threadsafe_function(env, ear->tell);
	else
		napi_unref_threadsafe_function(env, ear->tell);
}

static void
thread_end(struct ear *ear)
{
	pthread_mutex_lock(&ear->lock);
	ear->state = EAR_ENDS;
	pthread_cond_signal(&ear->changed);
	pthread_mutex_unlock(&ear->lock);
	if (owned_holds(&ear->env_state->ownership, ear->bell) && eventfd_write(ear->bell, 1) == 0) {
		pthread_join(ear->thread, NULL);
	} else {
		ear->abandoned = true;
		pthread_detach(ear->thread);
	}
}

static void
end(struct ear *ear)
{
	thread_end(ear);
	env_close(ear->env_state, ear->bell);
	*ear->link = ear->next;
	if (ear->next != NULL)
		ear->next->link = ear->link;
	ear->watch->ear = NULL;
	ear->watch = NULL;
	/* Of what is abandoned nobody knows whether it has told for the last time. */
	if (!ear->abandoned)
		napi_release_threadsafe_function(ear->tell, napi_tsfn_release);
}

static void
on_env_end(void *data)
{
	end(data);
}

static bool
make_function(struct ear *ear)
{
	napi_env env = ear->env_state->env;
	napi_value name;

	if (napi_create_string_utf8(env, "KqueueLoopWatch", NAPI_AUTO_LENGTH, &name) != napi_ok ||
	    napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, ear, on_forgotten, ear,
	    on_told, &ear->tell) != napi_ok)
		return false;
	ear->keeps = true;
	return true;
}

static struct ear *
ear_make(struct loop_watch *watch)
{
	struct ear *ear = calloc(1, sizeof(*ear));

	if (ear == NULL)
		return NULL;
	ear->env_state = watch->loop->state;
	ear->watch = watch;
	ear->fd = watch->fd;
	pthread_mutex_init(&ear->lock, NULL);
	pthread_cond_init(&ear->changed, NULL);
	ear->bell = env_own(ear->env_state, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), -1);
	if (ear->bell < 0) {
		int error = errno;

		ear_free(ear);
		errno = error;
		return NULL;
	}
	return ear;
}

/* Gives a watch its thread: 0, or a negative errno. */
static int
ear_open(struct loop_watch *watch)
{
	struct loop *loop = watch->loop;
	struct ear *ear = ear_make(watch);
	int status;

	if (ear == NULL)
		return -errno;
	if (!make_function(ear)) {
		env_close(ear->env_state, ear->bell);
		ear_free(ear);
		return -ENOMEM;
	}
	status = -env_thread(&ear->thread, listen_for, ear);
	if (status < 0) {
		env_close(ear->env_state, ear->bell);
		ear->watch = NULL;
		napi_release_threadsafe_function(ear->tell, napi_tsfn_release);
		return status;
	}
	napi_add_env_cleanup_hook(ear->env_state->env, on_env_end, ear);
	watch->ear = ear;
	ear->next = loop->ears;
	ear->link = &loop->ears;
	if (ear->next != NULL)
		ear->next->link = &ear->next;
	loop->ears = ear;
	return 0;
}

int
ear_start(struct loop_watch *watch)
{
	int status = owned_lost(&watch->loop->state->ownership, watch->fd) ? -EBADF : 0;

	if (status == 0 && watch->ear == NULL)
		status = ear_open(watch);
	if (status == 0)
		change(watch->ear, EAR_RESTS, EAR_LISTENS);
	return status;
}

void
ear_stop(struct loop_watch *watch)
{
	change(watch->ear, EAR_LISTENS, EAR_RESTS);
	keep(watch->ear, false);
}

void
ear_refer(struct loop_watch *watch)
{
	keep(watch->ear, watch->running && watch->referenced);
}

void
ear_end(struct loop_watch *watch)
{
	struct ear *ear = watch->ear;

	keep(ear, false);
	napi_remove_env_cleanup_hook(ear->env_state->env, on_env_end, ear);
	end(ear);
}

void
ear_closing(struct loop *loop, int fd)
{
	struct ear *next;

	for (struct ear *ear = loop->ears; ear != NULL; ear = next) {
		next = ear->next;
		if (ear->fd == fd)
			ear_end(ear->watch);
	}
}
