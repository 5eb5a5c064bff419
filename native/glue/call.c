/*
 * Arguments and answers of one call from JavaScript, see call.h.
 *
 * Nothing here trusts a value: typed arrays are looked at anew in every call,
 * since JavaScript may have detached or shrunk them in between.
 */
#include "call.h"

#include <errno.h>
#include <stdio.h>

napi_value
call_enter(napi_env env, napi_callback_info info)
{
	struct call call = { .env = env };
	const struct call_entry *entry;
	size_t argc = CALL_ARGUMENTS;
	void *data = NULL, *state = NULL;

	if (napi_get_cb_info(env, info, &argc, call.argv, NULL, &data) != napi_ok ||
	    napi_get_instance_data(env, &state) != napi_ok || state == NULL)
		return NULL;
	call.entry = entry = data;
	call.state = state;
	for (int i = 0; i < CALL_INTS && entry->ints[i] != NULL; i++) {
		if (!call_fd(&call, i, entry->ints[i], &call.ints[i]))
			return call.answer;
	}
	if (entry->answer != NULL)
		return entry->answer(&call);
	return call_result(&call, entry->result(&call));
}

bool
call_board(struct call *call, napi_env env, napi_callback_info info)
{
	void *data = NULL;

	(void)info;
	call->env = env;
	call->answer = NULL;
	if (napi_get_instance_data(env, &data) != napi_ok || data == NULL)
		return false;
	call->state = data;
	if (call->state->board != NULL)
		return true;
	errno = EINVAL;
	call->answer = call_result(call, -1);
	return false;
}

bool
call_type_error(struct call *call, const char *name, const char *expected)
{
	char message[128];

	snprintf(message, sizeof(message), "%s: %s must be %s",
	    call->entry->name, name, expected);
	napi_throw_type_error(call->env, "ERR_INVALID_ARG_TYPE", message);
	return false;
}

static bool
out_of_range(struct call *call)
{
	call->answer = call_number(call, -EINVAL);
	return false;
}

bool
call_range(struct call *call, int index, const char *name,
    int64_t low, int64_t high, int64_t *value)
{
	double number;

	if (napi_get_value_double(call->env, call->argv[index], &number) != napi_ok)
		return call_type_error(call, name, "a number");
	/* A NaN fails the first comparison; casting before the checks is undefined. */
	if (!(number >= (double)low) || number > (double)high)
		return out_of_range(call);
	*value = (int64_t)number;
	return (double)*value == number || out_of_range(call);
}

bool
call_fd(struct call *call, int index, const char *name, int *fd)
{
	int64_t value;

	if (!call_range(call, index, name, INT32_MIN, INT32_MAX, &value))
		return false;
	*fd = (int)value;
	return true;
}

bool
call_bool(struct call *call, int index, const char *name, bool *value)
{
	if (napi_get_value_bool(call->env, call->argv[index], value) != napi_ok)
		return call_type_error(call, name, "a boolean");
	return true;
}

static const char *
array_name(napi_typedarray_type type)
{
	switch (type) {
	case napi_int32_array:
		return "an Int32Array";
	case napi_float64_array:
		return "a Float64Array";
	default:
		return "a Uint8Array";
	}
}

bool
call_array(struct call *call, int index, const char *name,
    napi_typedarray_type type, size_t least, void **data, size_t *length)
{
	napi_typedarray_type actual;

	/* It refuses values that are no typed arrays. */
	if (napi_get_typedarray_info(call->env, call->argv[index], &actual, length,
	    data, NULL, NULL) != napi_ok || actual != type)
		return call_type_error(call, name, array_name(type));
	if (*length < least || *data == NULL)
		return out_of_range(call);
	return true;
}

napi_value
call_number(struct call *call, double value)
{
	napi_value number = NULL;

	napi_create_double(call->env, value, &number);
	return number;
}

napi_value
call_result(struct call *call, int result)
{
	napi_value number = NULL;

	/* Unlike a double, a small integer costs no allocation in the engine. */
	napi_create_int32(call->env, result < 0 ? -errno : result, &number);
	return number;
}
