/*
 * The addon of the tests: arguments, answers and errors, see posix.h.
 */
#include "posix.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

bool
posix_begin(struct posix_call *call, napi_env env, napi_callback_info info)
{
	size_t argc = POSIX_ARGUMENTS;
	void *name = NULL;

	call->env = env;
	if (napi_get_cb_info(env, info, &argc, call->argv, NULL, &name) != napi_ok)
		return false;
	call->name = name;
	return true;
}

static bool
wrong_type(struct posix_call *call, int index, const char *expected)
{
	char message[96];

	snprintf(message, sizeof(message), "%s: argument %d must be %s",
	    call->name, index + 1, expected);
	napi_throw_type_error(call->env, "ERR_INVALID_ARG_TYPE", message);
	return false;
}

bool
posix_int(struct posix_call *call, int index, int *value)
{
	if (napi_get_value_int32(call->env, call->argv[index], value) != napi_ok)
		return wrong_type(call, index, "a number");
	return true;
}

bool
posix_double(struct posix_call *call, int index, double *value)
{
	if (napi_get_value_double(call->env, call->argv[index], value) != napi_ok)
		return wrong_type(call, index, "a number");
	return true;
}

bool
posix_string(struct posix_call *call, int index, char text[POSIX_STRING])
{
	if (napi_get_value_string_utf8(call->env, call->argv[index], text, POSIX_STRING,
	    NULL) != napi_ok)
		return wrong_type(call, index, "a string");
	return true;
}

bool
posix_bytes(struct posix_call *call, int index, void **data, size_t *length)
{
	napi_typedarray_type type;
	bool is_array = false;

	if (napi_is_typedarray(call->env, call->argv[index], &is_array) != napi_ok ||
	    !is_array || napi_get_typedarray_info(call->env, call->argv[index], &type, length,
	    data, NULL, NULL) != napi_ok || type != napi_uint8_array)
		return wrong_type(call, index, "a Uint8Array");
	return true;
}

/* glibc's names; elsewhere libuv has most. */
#pragma weak strerrorname_np
#pragma weak uv_err_name
extern const char *strerrorname_np(int error);

static const char *
error_name(int error)
{
	if (strerrorname_np != NULL)
		return strerrorname_np(error);
	return error == ECHILD ? "ECHILD" : error == EINPROGRESS ? "EINPROGRESS" : uv_err_name(-error);
}

static napi_value
throw_errno(struct posix_call *call)
{
	napi_value error = NULL, code, message, number, name;
	char text[256];
	int saved = errno;

	snprintf(text, sizeof(text), "%s: %s, %s", error_name(saved), strerror(saved),
	    call->name);
	napi_create_string_utf8(call->env, error_name(saved), NAPI_AUTO_LENGTH, &code);
	napi_create_string_utf8(call->env, text, NAPI_AUTO_LENGTH, &message);
	napi_create_string_utf8(call->env, call->name, NAPI_AUTO_LENGTH, &name);
	napi_create_int32(call->env, -saved, &number);
	napi_create_error(call->env, code, message, &error);
	napi_set_named_property(call->env, error, "errno", number);
	napi_set_named_property(call->env, error, "syscall", name);
	napi_throw(call->env, error);
	return NULL;
}

napi_value
posix_result(struct posix_call *call, int64_t result)
{
	napi_value value = NULL;

	if (result < 0)
		return throw_errno(call);
	napi_create_double(call->env, (double)result, &value);
	return value;
}

napi_value
posix_pair(struct posix_call *call, int result, const int pair[2])
{
	napi_value array = NULL, element;

	if (result < 0)
		return throw_errno(call);
	napi_create_array_with_length(call->env, 2, &array);
	for (uint32_t i = 0; i < 2; i++) {
		napi_create_int32(call->env, pair[i], &element);
		napi_set_element(call->env, array, i, element);
	}
	return array;
}

napi_value
posix_data(struct posix_call *call, int64_t length, const void *data)
{
	napi_value buffer, array = NULL;
	void *bytes = NULL;

	if (length < 0)
		return throw_errno(call);
	if (napi_create_arraybuffer(call->env, (size_t)length, &bytes, &buffer) != napi_ok)
		return NULL;
	if (length > 0)
		memcpy(bytes, data, (size_t)length);
	napi_create_typedarray(call->env, napi_uint8_array, (size_t)length, buffer, 0, &array);
	return array;
}

static void
export_calls(napi_env env, napi_value exports, const struct posix_entry *entry)
{
	napi_value function;

	for (; entry->name != NULL; entry++) {
		napi_create_function(env, entry->name, NAPI_AUTO_LENGTH, entry->callback,
		    (void *)entry->name, &function);
		napi_set_named_property(env, exports, entry->name, function);
	}
}

NAPI_MODULE_INIT()
{
	napi_value constants, value;

	export_calls(env, exports, posix_file);
	export_calls(env, exports, posix_socket);
	export_calls(env, exports, posix_signal);
	export_calls(env, exports, posix_process);
	export_calls(env, exports, posix_system);
	napi_create_object(env, &constants);
	for (const struct posix_constant *entry = posix_constants; entry->name != NULL; entry++) {
		napi_create_double(env, entry->value, &value);
		napi_set_named_property(env, constants, entry->name, value);
	}
	napi_set_named_property(env, exports, "constants", constants);
	return exports;
}
