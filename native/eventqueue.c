/*
 * A queue of records that grows as long as nobody reads it, up to a limit. Beyond
 * that records are dropped until it has been read to its end, which then says so.
 */
#include "eventqueue.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The most records that a queue may hold: 56 MiB. */
#define QUEUE_MOST (1024 * 1024)
/* A queue that has grown beyond so many records is given back when it is empty. */
#define QUEUE_KEEP 1024

static bool
queue_grow(struct event_queue *queue)
{
	size_t held = queue->end - queue->first;
	size_t room = queue->room == 0 ? QUEUE_KEEP : queue->room * 2;
	struct event_record *grown;

	if (queue->first > 0 && held <= queue->room / 2) {
		memmove(queue->records, queue->records + queue->first, held * sizeof(*grown));
		queue->first = 0;
		queue->end = held;
		return true;
	}
	if (room > QUEUE_MOST)
		return false;
	grown = realloc(queue->records, room * sizeof(*grown));
	if (grown == NULL)
		return false;
	queue->records = grown;
	queue->room = room;
	return true;
}

static void
ring(struct event_queue *queue)
{
	static const uint64_t one = 1;

	/* It fails only when it has been rung for ages, and then it rings. */
	if (write(queue->bell, &one, sizeof(one)) < 0)
		return;
}

void
event_queue_add(struct event_queue *queue, const struct event_record *record)
{
	bool was_empty = queue->first == queue->end;

	if (queue->lost)
		return;
	if (queue->end == queue->room && !queue_grow(queue))
		queue->lost = true;
	else
		queue->records[queue->end++] = *record;
	if (was_empty)
		ring(queue);
}

static void
queue_shrink(struct event_queue *queue)
{
	queue->first = queue->end = 0;
	if (queue->room <= QUEUE_KEEP)
		return;
	free(queue->records);
	queue->records = NULL;
	queue->room = 0;
}

size_t
event_queue_take(struct event_queue *queue, struct event_record *records, size_t most)
{
	size_t held = queue->end - queue->first;
	size_t count = held < most ? held : most;

	if (count == 0 && queue->lost) {
		memset(records, 0, sizeof(*records));
		records[0].fields[EVENT_WHAT] = WHAT_LOST;
		queue->lost = false;
		return 1;
	}
	if (count > 0)
		memcpy(records, queue->records + queue->first, count * sizeof(*records));
	queue->first += count;
	if (queue->first == queue->end)
		queue_shrink(queue);
	return count;
}

void
event_queue_free(struct event_queue *queue)
{
	if (queue == NULL)
		return;
	free(queue->records);
	free(queue);
}
