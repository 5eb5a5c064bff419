/*
 * libuv, where the runtime is built on it as Node.js is. Others load addons as well, and have
 * of libuv's functions none, some, or ones that end the process when they are called: there
 * nothing of uv.h may be called but what `libuv_here` allows.
 */
#ifndef KQUEUE_LIBUV_H
#define KQUEUE_LIBUV_H

#include <stdbool.h>

#include <node_api.h>
#include <uv.h>

/* All that is called: what is missing is NULL then, and no reason not to load. */
#pragma weak uv_backend_fd
#pragma weak uv_close
#pragma weak uv_handle_size
#pragma weak uv_loop_init
#pragma weak uv_loop_size
#pragma weak uv_poll_init
#pragma weak uv_poll_start
#pragma weak uv_prepare_init
#pragma weak uv_prepare_start
#pragma weak uv_prepare_stop
#pragma weak uv_ref
#pragma weak uv_signal_init
#pragma weak uv_signal_start
#pragma weak uv_signal_stop
#pragma weak uv_unref
#pragma weak uv_walk

/*
 * Finds out, before anything else. The answer is the process's: no while KQUEUE_NO_LIBUV is in
 * its environment.
 */
void libuv_begin(napi_env env);
bool libuv_here(void);

#endif
