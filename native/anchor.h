/*
 * Watchers of libuv that do nothing: while there is one for a signal, libuv
 * leaves the signal's disposition alone when others come and go.
 *
 * libuv installs its handler with the first watcher of a signal in any loop and
 * puts SIG_DFL with the last, without a look at what is there. The anchors are in
 * a loop of their own. The caller holds the lock of signal.c.
 */
#ifndef KQUEUE_ANCHOR_H
#define KQUEUE_ANCHOR_H

#include <signal.h>
#include <stdbool.h>

/* Becomes a watcher; libuv's handler is installed if there was none. 0, or -1 with errno. */
int anchor_start(int number);
/*
 * How often libuv's handler was called for the last anchor since it was started. Waits
 * until handlers that other threads are in have had time to end.
 */
unsigned int anchor_settle(void);
/* Is none any more; SIG_DFL is installed if there is no other. */
void anchor_stop(int number);

/* libuv's handler as libuv installs it; NULL with errno when it cannot be found out. */
const struct sigaction *anchor_action(void);
/* Whether this is libuv's handler. After anchor_action. */
bool anchor_is_libuv(const struct sigaction *action);

#endif
