/*
 * Between the files of the process connector. Whoever calls what is here holds the lock of
 * connector.c.
 */
#ifndef KQUEUE_CONNECTOR_H
#define KQUEUE_CONNECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What is told, as records in a FIFO that one environment reads, see fifo.c. */

enum event_field {
	EVENT_WHAT,
	EVENT_TIME,
	EVENT_PID,
	EVENT_TGID,
	EVENT_VALUE,
	/* EVENT_NAME_SIZE bytes, padded with zeros. */
	EVENT_NAME,
	EVENT_NAME_END = EVENT_NAME + 1,
	EVENT_RECORD
};

#define EVENT_NAME_SIZE (2 * sizeof(double))

/* EVENT_WHAT. */
enum event_what {
	EVENT_LOST,
	EVENT_FORK,
	EVENT_EXEC,
	EVENT_EXIT
};

struct event_record {
	double fields[EVENT_RECORD];
};

struct event_fifo {
	/* The list that it is on. */
	struct event_fifo *next;
	struct event_fifo **link;
	/* An eventfd, written to when there is something in an empty one. */
	int bell;
	struct event_record *records;
	size_t first, end, room;
	/* There was no room: all that came since is missing. */
	bool lost;
};

void event_fifo_add(struct event_fifo *fifo, const struct event_record *record);
/* Takes out at most `most` records, 1 at least: how many. */
size_t event_fifo_take(struct event_fifo *fifo, struct event_record *records, size_t most);
void event_fifo_free(struct event_fifo *fifo);

/* The netlink socket, see procsource.c. There is one at a time. */

/*
 * A socket that the kernel tells of every process, or -1 with errno: EPERM, ECONNREFUSED,
 * EPROTONOSUPPORT, or ENOMSG when the kernel does not answer.
 */
int procsource_open(void);
/* The same for another process, beside the one of this. */
int procsource_hand_over(void);
/* Empties the socket: `tell` is called with each event. */
void procsource_take(int fd, void (*tell)(const struct event_record *record));

/* The beginning of /proc/PID/name: how many bytes, or -1. */
ssize_t proc_read(pid_t pid, const char *name, void *bytes, size_t most);

/* The command lines of programs that were executed lately, see cmdline.c. */

/* Bytes of a command line that are kept. */
#define CMDLINE_MOST 4096

/* Reads the command line of a process: where it is kept, -1 when the process is gone. */
double cmdline_keep(pid_t pid);
/* How many bytes were kept there, copied to `line`; 0 when later ones have taken the room. */
size_t cmdline_copy(double place, char line[CMDLINE_MOST]);

#endif
