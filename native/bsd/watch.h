/* Watches of descriptors in the event loop, see watch.c. */
#ifndef KQUEUE_WATCH_H
#define KQUEUE_WATCH_H

#include <node_api.h>

/* What can be done to a watch. */
#define WATCH_CALLS 5
extern const char *const watch_calls[WATCH_CALLS];

napi_value js_watch(napi_env env, napi_callback_info info);
/* One of `watch_calls`; its data is the place there. */
napi_value js_watch_call(napi_env env, napi_callback_info info);

#endif
