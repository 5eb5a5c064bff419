/*
 * Command lines, proc_pid_cmdline(5), read by the thread that hears of an exec and fetched
 * by JavaScript, which would come too late for most programs that are short. They are
 * kept in a ring, each behind its length; its place is how many bytes were written
 * before it.
 */
#include "connector.h"

#include <stdint.h>
#include <string.h>

/* A few thousand command lines. */
#define RING_SIZE (1024 * 1024)

static char ring[RING_SIZE];
static uint64_t written;

static void
ring_put(const void *bytes, size_t count)
{
	size_t at = written % RING_SIZE;
	size_t first = count < RING_SIZE - at ? count : RING_SIZE - at;

	memcpy(ring + at, bytes, first);
	memcpy(ring, (const char *)bytes + first, count - first);
	written += count;
}

static void
ring_get(uint64_t place, void *bytes, size_t count)
{
	size_t at = place % RING_SIZE;
	size_t first = count < RING_SIZE - at ? count : RING_SIZE - at;

	memcpy(bytes, ring + at, first);
	memcpy((char *)bytes + first, ring, count - first);
}

double
cmdline_keep(pid_t pid)
{
	uint64_t place = written;
	char line[CMDLINE_MOST];
	ssize_t got = proc_read(pid, "cmdline", line, sizeof(line));
	uint16_t length;

	/* A zombie has none. */
	if (got <= 0)
		return -1;
	length = (uint16_t)got;
	ring_put(&length, sizeof(length));
	ring_put(line, length);
	return (double)place;
}

size_t
cmdline_copy(double place, char line[CMDLINE_MOST])
{
	uint64_t begin;
	uint16_t length;

	if (!(place >= 0 && place < (double)written))
		return 0;
	begin = (uint64_t)place;
	if (written - begin > RING_SIZE)
		return 0;
	ring_get(begin, &length, sizeof(length));
	/* No place where one begins. */
	if (length > CMDLINE_MOST || length + sizeof(length) > written - begin)
		return 0;
	ring_get(begin + sizeof(length), line, length);
	return length;
}
