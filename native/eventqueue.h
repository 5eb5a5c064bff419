/*
 * What the process connector tells, as records in a queue that one environment reads,
 * see eventqueue.c. Whoever uses a queue holds the connector's lock.
 */
#ifndef KQUEUE_EVENTQUEUE_H
#define KQUEUE_EVENTQUEUE_H

#include <stdbool.h>
#include <stddef.h>

/* As in src/linux/native.ts. */
enum event_field {
	EVENT_WHAT,
	EVENT_TIME,
	EVENT_PID,
	EVENT_TGID,
	EVENT_VALUE,
	/* EVENT_NAME_SIZE bytes, padded with zeros. */
	EVENT_NAME,
	EVENT_NAME_END = EVENT_NAME + 1,
	EVENT_FIELDS
};

#define EVENT_NAME_SIZE (2 * sizeof(double))

/* EVENT_WHAT. */
enum event_what {
	WHAT_LOST,
	WHAT_FORK,
	WHAT_EXEC,
	WHAT_EXIT
};

struct event_record {
	double fields[EVENT_FIELDS];
};

struct event_queue {
	/* The list that the queue is on. */
	struct event_queue *next;
	struct event_queue **link;
	/* An eventfd, written to when there is something in an empty queue. */
	int bell;
	struct event_record *records;
	size_t first, end, room;
	/* There was no room: all that came since is missing. */
	bool lost;
};

void event_queue_add(struct event_queue *queue, const struct event_record *record);
/* Takes out at most `most` records, 1 at least: how many. */
size_t event_queue_take(struct event_queue *queue, struct event_record *records, size_t most);
void event_queue_free(struct event_queue *queue);

#endif
