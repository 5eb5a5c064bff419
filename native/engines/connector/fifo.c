/*
 * A FIFO of records that grows as long as nobody reads it, up to a limit. Beyond
 * that records are dropped until it has been read to its end, which then says so.
 */
#include "connector.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

/* The most records that a FIFO may hold: 56 MiB. */
#define FIFO_MOST (1024 * 1024)
/* A FIFO that has grown beyond so many records is given back when it is empty. */
#define FIFO_KEEP 1024

static bool
fifo_grow(struct event_fifo *fifo)
{
	size_t held = fifo->end - fifo->first;
	size_t room = fifo->room == 0 ? FIFO_KEEP : fifo->room * 2;
	struct event_record *grown;

	if (fifo->first > 0 && held <= fifo->room / 2) {
		memmove(fifo->records, fifo->records + fifo->first, held * sizeof(*grown));
		fifo->first = 0;
		fifo->end = held;
		return true;
	}
	if (room > FIFO_MOST)
		return false;
	grown = realloc(fifo->records, room * sizeof(*grown));
	if (grown == NULL)
		return false;
	fifo->records = grown;
	fifo->room = room;
	return true;
}

void
event_fifo_add(struct event_fifo *fifo, const struct event_record *record)
{
	bool was_empty = fifo->first == fifo->end;

	if (fifo->lost)
		return;
	if (fifo->end == fifo->room && !fifo_grow(fifo))
		fifo->lost = true;
	else
		fifo->records[fifo->end++] = *record;
	/* It fails only when it has been rung for ages, and then it rings. */
	if (was_empty)
		(void)eventfd_write(fifo->bell, 1);
}

static void
fifo_shrink(struct event_fifo *fifo)
{
	fifo->first = fifo->end = 0;
	if (fifo->room <= FIFO_KEEP)
		return;
	free(fifo->records);
	fifo->records = NULL;
	fifo->room = 0;
}

size_t
event_fifo_take(struct event_fifo *fifo, struct event_record *records, size_t most)
{
	size_t held = fifo->end - fifo->first;
	size_t count = held < most ? held : most;

	if (count == 0 && fifo->lost) {
		memset(records, 0, sizeof(*records));
		records[0].fields[EVENT_WHAT] = EVENT_LOST;
		fifo->lost = false;
		return 1;
	}
	if (count > 0)
		memcpy(records, fifo->records + fifo->first, count * sizeof(*records));
	fifo->first += count;
	if (fifo->first == fifo->end)
		fifo_shrink(fifo);
	return count;
}

void
event_fifo_free(struct event_fifo *fifo)
{
	if (fifo == NULL)
		return;
	free(fifo->records);
	free(fifo);
}
