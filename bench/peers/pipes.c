/* The pipes of pipes.h for JavaScript: the reading and writing of the rows is not what they measure. */
#define NAPI_VERSION 8
#include <node_api.h>

#include "pipes.h"

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

NAPI_MODULE_INIT()
{
	const napi_property_descriptor functions[] = {
		{ "open", NULL, js_open, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "reader", NULL, js_reader, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "writer", NULL, js_writer, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "signal", NULL, js_signal, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "close", NULL, js_close, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "turn", NULL, js_turn, NULL, NULL, NULL, napi_enumerable, NULL },
		{ "turn100", NULL, js_turn_100, NULL, NULL, NULL, napi_enumerable, NULL },
	};

	napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
	return exports;
}
