/*
 * What the process connector tells, as records in a FIFO that one environment reads,
 * see fifo.c. Whoever uses one holds the connector's lock.
 */
#ifndef KQUEUE_FIFO_H
#define KQUEUE_FIFO_H

#include <stdbool.h>
#include <stddef.h>

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

#endif
