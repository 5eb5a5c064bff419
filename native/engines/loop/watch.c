/*
 * Watches in the event loop of a thread.
 *
 * A watch calls its function while its descriptor is readable and it runs. libuv looks at
 * it, or where there is none a thread does. A running watch is kept from being collected.
 */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>

static void
watch_close(struct loop_watch *watch)
{
	if (watch->handle != NULL)
		poll_stop(watch);
	else if (watch->ear != NULL)
		ear_stop(watch);
	watch->running = false;
	*watch->link = watch->next;
	if (watch->next != NULL)
		watch->next->link = watch->link;
}

void
watch_stop(struct loop_watch *watch)
{
	if (!watch->running)
		return;
	watch_close(watch);
	napi_reference_unref(watch->loop->state->env, watch->self, NULL);
}

static void
report_exception(napi_env env)
{
	napi_value exception;
	bool pending = false;

	if (napi_is_exception_pending(env, &pending) == napi_ok && pending &&
	    napi_get_and_clear_last_exception(env, &exception) == napi_ok)
		napi_fatal_exception(env, exception);
}

/* A thread's function is called as a callback already, and Deno has no other inside. */
static napi_status
call(struct loop_watch *watch, napi_value receiver, napi_value callback, napi_value argument)
{
	napi_env env = watch->loop->state->env;

	if (libuv_here())
		return napi_make_callback(env, watch->context, receiver, callback, 1, &argument, NULL);
	return napi_call_function(env, receiver, callback, 1, &argument, NULL);
}

/* The microtasks of the call are done, where it was one from libuv. */
static void
call_again(napi_env env, napi_value receiver, napi_value callback)
{
	napi_value argument;

	if (napi_create_int32(env, LOOP_CALLED, &argument) != napi_ok ||
	    napi_call_function(env, receiver, callback, 1, &argument, NULL) != napi_ok)
		report_exception(env);
}

/* With a number for what the function is to know, see loop.h. */
static void
watch_tell(struct loop_watch *watch, int told)
{
	napi_env env = watch->loop->state->env;
	napi_handle_scope scope;
	napi_value receiver, callback, argument;

	if (napi_open_handle_scope(env, &scope) != napi_ok)
		return;
	/* The callback may stop the watch, and the collector then free it. */
	if (napi_get_global(env, &receiver) == napi_ok &&
	    napi_create_int32(env, told, &argument) == napi_ok &&
	    napi_get_reference_value(env, watch->callback, &callback) == napi_ok) {
		if (call(watch, receiver, callback, argument) != napi_ok)
			report_exception(env);
		call_again(env, receiver, callback);
	}
	napi_close_handle_scope(env, scope);
}

void
watch_call(struct loop_watch *watch)
{
	struct env_state *state = watch->loop->state;

	watch_tell(watch, state->look == NULL ? -EINVAL : state->look(state, watch->fd));
}

void
watch_fail(struct loop_watch *watch, int status)
{
	napi_env env = watch->loop->state->env;
	napi_handle_scope scope;
	napi_value self;

	if (napi_open_handle_scope(env, &scope) != napi_ok)
		return;
	/* Held, so that the collector does not free it before its function is called. */
	napi_get_reference_value(env, watch->self, &self);
	watch_stop(watch);
	watch_tell(watch, status);
	napi_close_handle_scope(env, scope);
}

int
watch_start(struct loop_watch *watch)
{
	struct loop *loop = watch->loop;
	int status;

	if (watch->running)
		return 0;
	status = libuv_here() ? poll_start(watch) : ear_start(watch);
	if (status < 0)
		return status;
	watch->running = true;
	watch->next = loop->running;
	watch->link = &loop->running;
	if (watch->next != NULL)
		watch->next->link = &watch->next;
	loop->running = watch;
	watch_refer(watch, watch->referenced);
	napi_reference_ref(loop->state->env, watch->self, NULL);
	return 0;
}

void
watch_refer(struct loop_watch *watch, bool referenced)
{
	watch->referenced = referenced;
	if (watch->handle != NULL)
		poll_refer(watch);
	else if (watch->ear != NULL)
		ear_refer(watch);
}

void
watch_end(struct loop_watch *watch)
{
	if (watch->running)
		watch_close(watch);
	if (watch->ear != NULL)
		ear_end(watch);
}

/* A descriptor is about to be closed. */
static void
loop_closing(void *part, int fd)
{
	struct loop *loop = part;
	struct loop_watch *next;

	for (struct loop_watch *watch = loop->running; watch != NULL; watch = next) {
		next = watch->next;
		if (watch->fd == fd)
			watch_stop(watch);
	}
	ear_closing(loop, fd);
}

static void
loop_end(struct env_state *state, void *part)
{
	struct loop *loop = part;

	(void)state;
	while (loop->running != NULL)
		watch_close(loop->running);
	poll_end(loop);
}

const struct env_kind loop_kind = {
	.size = sizeof(struct loop),
	.end = loop_end,
	.closing = loop_closing,
};
