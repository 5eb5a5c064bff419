/*
 * Watchers of libuv that do nothing: while there is one for a signal, libuv
 * leaves the signal's disposition alone when others come and go.
 *
 * libuv installs its handler with the first watcher of a signal in any loop and
 * puts SIG_DFL with the last, without a look at what is there. An anchor comes and
 * goes without either. Where there is no libuv there are no anchors and no other watchers.
 * The caller holds the lock of signal.c.
 */
#ifndef KQUEUE_ANCHOR_H
#define KQUEUE_ANCHOR_H

#include <signal.h>
#include <stdbool.h>

/* To be called before the others: 0, or -1 with errno. */
int anchor_prepare(int number);
/*
 * Becomes a watcher, or is none any more: whether there are others. The first is not certain
 * while libuv's handler is there, and for the other the signal must have a handler of ours.
 */
bool anchor_set(int number, bool start);

/* libuv's handler as libuv installs it; the default action where there is none. */
const struct sigaction *anchor_action(void);
/* Whether this is libuv's handler. */
bool anchor_is_libuv(const struct sigaction *action);

#endif
