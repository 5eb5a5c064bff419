/*
 * The netlink socket of the process connector, see procsource.c. There is one at a
 * time; whoever uses it holds the connector's lock.
 */
#ifndef KQUEUE_PROCSOURCE_H
#define KQUEUE_PROCSOURCE_H

#include "fifo.h"

/*
 * A socket that the kernel tells of every process, or -1 with errno: EPERM, ECONNREFUSED,
 * EPROTONOSUPPORT, or ENOMSG when the kernel does not answer.
 */
int procsource_open(void);
/* The same for another process, beside the one of this. */
int procsource_hand_over(void);
/* Empties the socket: `tell` is called with each event. */
void procsource_take(int fd, void (*tell)(const struct event_record *record));

#endif
