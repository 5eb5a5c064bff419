/*
 * The pipes of pipes.h for JavaScript: the reading and writing of the rows is not what they measure.
 *
 * And, with watch() and scan(), the contestant that is an addon without a machine: the system calls
 * that epoll_pipes.h makes with PROVED, one call from JavaScript for each kevent.
 */
#define NAPI_VERSION 8
#include <node_api.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "pipes.h"

/* What scan() tells of an event. */
enum { TOLD_FD, TOLD_BYTES, TOLD };

static int epfd = -1;
static bool proves;
static int32_t *told;
static napi_ref told_holder;
static struct epoll_event events[MOST_PIPES];

static int32_t argument(napi_env env, napi_callback_info info, size_t n, int32_t *values)
{
	napi_value argv[2];
	size_t argc = 2;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < n)
		return EINVAL;
	for (size_t i = 0; i < n; i++)
		if (napi_get_value_int32(env, argv[i], &values[i]) != napi_ok)
			return EINVAL;
	return 0;
}

static napi_value answer(napi_env env, int32_t value)
{
	napi_value result = NULL;

	napi_create_int32(env, value, &result);
	return result;
}

/* open(count, ready): 0 or an errno. One set is open at a time. */
static napi_value js_open(napi_env env, napi_callback_info info)
{
	int32_t values[2];

	if (argument(env, info, 2, values) != 0 || pipes_open != 0 ||
	    values[0] < 0 || values[0] > MOST_PIPES)
		return answer(env, EINVAL);
	return answer(env, open_pipes(values[0], values[1]));
}

/* reader(i): its descriptor. */
static napi_value js_reader(napi_env env, napi_callback_info info)
{
	int32_t at;

	if (argument(env, info, 1, &at) != 0 || at < 0 || at >= pipes_open)
		return answer(env, -1);
	return answer(env, pipe_reader[at]);
}

static napi_value js_close(napi_env env, napi_callback_info info)
{
	(void)info;
	close_pipes();
	return answer(env, 0);
}

static napi_value js_turn(napi_env env, napi_callback_info info)
{
	(void)info;
	return answer(env, turn(1));
}

static napi_value js_turn_100(napi_env env, napi_callback_info info)
{
	(void)info;
	return answer(env, turn(100));
}

/* writer(i): the other end. */
static napi_value js_writer(napi_env env, napi_callback_info info)
{
	int32_t at;

	if (argument(env, info, 1, &at) != 0 || at < 0 || at >= pipes_open)
		return answer(env, -1);
	return answer(env, pipe_writer[at]);
}

static napi_value js_signal(napi_env env, napi_callback_info info)
{
	(void)info;
	return answer(env, signal_self());
}

static int add(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	struct stat status;

	if (fstat(fd, &status) != 0 || S_ISREG(status.st_mode))
		return EPERM;
	return epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

/* watch(proves, told): 0 or an errno. All pipes that are open, level-triggered; once. */
static napi_value js_watch(napi_env env, napi_callback_info info)
{
	napi_value argv[2], buffer;
	napi_typedarray_type type;
	size_t argc = 2, length, offset;
	void *data;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 2 ||
	    napi_get_value_bool(env, argv[0], &proves) != napi_ok ||
	    napi_get_typedarray_info(env, argv[1], &type, &length, &data, &buffer, &offset) != napi_ok ||
	    type != napi_int32_array || length != (size_t)MOST_PIPES * TOLD || epfd >= 0 ||
	    napi_create_reference(env, argv[1], 1, &told_holder) != napi_ok)
		return answer(env, EINVAL);
	told = data;
	epfd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < pipes_open; i++) {
		int error = add(pipe_reader[i]);

		if (error != 0)
			return answer(env, error);
	}
	return answer(env, 0);
}

static bool is_meant(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return !proves || (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) != 0 && errno == EEXIST);
}

/* add(fd), remove(fd): 0 or an errno. What is removed stays in, and goes when it is closed. */
static napi_value js_add(napi_env env, napi_callback_info info)
{
	int32_t fd;

	return answer(env, argument(env, info, 1, &fd) != 0 ? EINVAL : add(fd));
}

static napi_value js_remove(napi_env env, napi_callback_info info)
{
	int32_t fd;

	if (argument(env, info, 1, &fd) != 0)
		return answer(env, EINVAL);
	return answer(env, is_meant(fd) ? 0 : ENOENT);
}

/* scan(room): how many are ready, and which, and how many bytes wait in each; or an errno, less than 0. */
static napi_value js_scan(napi_env env, napi_callback_info info)
{
	int32_t room;
	int n;

	if (argument(env, info, 1, &room) != 0 || room < 1 || room > MOST_PIPES || epfd < 0)
		return answer(env, -EINVAL);
	n = epoll_wait(epfd, events, room, 0);
	for (int i = 0; i < n; i++) {
		int fd = events[i].data.fd;

		told[i * TOLD + TOLD_FD] = fd;
		if (!is_meant(fd) || ioctl(fd, FIONREAD, &told[i * TOLD + TOLD_BYTES]) != 0)
			return answer(env, -errno);
	}
	return answer(env, n);
}

static napi_value js_leave(napi_env env, napi_callback_info info)
{
	(void)info;
	if (epfd >= 0) {
		close(epfd);
		napi_delete_reference(env, told_holder);
	}
	epfd = -1;
	return answer(env, 0);
}

NAPI_MODULE_INIT()
{
	const napi_property_descriptor functions[] = {
		{ "open", NULL, js_open, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "reader", NULL, js_reader, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "writer", NULL, js_writer, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "watch", NULL, js_watch, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "add", NULL, js_add, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "remove", NULL, js_remove, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "scan", NULL, js_scan, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "leave", NULL, js_leave, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "signal", NULL, js_signal, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "close", NULL, js_close, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "turn", NULL, js_turn, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "turn100", NULL, js_turn_100, NULL, NULL, NULL, napi_enumerable, NULL },
	};

	napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
	return exports;
}
