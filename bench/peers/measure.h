/*
 * What every C peer of the benchmark is made of: a table of rows, a loop that
 * measures one of them on demand, and pipes. A peer is a program that reads
 * lines "ROW SECONDS CLOCK" from standard input, where CLOCK is "wall" or "cpu", and
 * answers each with a line holding the rate in units per second of it, or "-" for a row
 * that it does not have:
 *
 *	static const struct row rows[] = {
 *		ROW("idle-poll", idle_poll_setup, idle_poll, idle_poll_teardown),
 *	};
 *	int main(void) { return serve(rows, sizeof rows / sizeof *rows); }
 *
 * A row stays set up between two requests for it, so that rounds of different
 * contestants can take turns.
 */
#ifndef MEASURE_H
#define MEASURE_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "pipes.h"

/* The same sizes as in bench/sizes.mjs. */
enum {
	PIPES = 500,  /* descriptors in the rows about descriptors */
	IDLE_PIPES = 1000, /* and in those where most are idle */
	READY_PIPES = 100, /* and those of them that are not */
	EVENTS = 64, /* room for events where few are ready */
	TIMERS = 1000, /* timers in the rows about timers */
	FIRING = 4000, /* and of those that fire */
	FIRING_MS = 10,
	FILES = 100, /* files in the row about files, at most */
	CALLS = 64,   /* calls between two looks at the clock, where one call is short */
	HOUR_SECONDS = 3600,
};

struct row {
	const char *name;
	void (*setup)(void);
	long (*work)(void); /* does some of the work and returns how many units that was */
	void (*teardown)(void);
	void (*prepare)(void); /* what comes before each work and is not measured; may be NULL */
	void (*begin)(void); /* the same before a round, and after it */
	void (*end)(void);
	double (*sample)(void); /* instead of work: one figure, as the row has it */
	bool cpu; /* a second is one of the processor */
};

#define ROW(row, before, what, after) \
	{ .name = row, .setup = before, .work = what, .teardown = after }

/* Ends the peer with one line; the parent shows it. */
_Noreturn static inline void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

/* Ends the peer when a call failed or did other than its row is about. */
static inline void expect(const char *what, long got, long wanted)
{
	if (got == wanted)
		return;
	if (got < 0)
		die(what);
	fprintf(stderr, "%s: %ld instead of %ld\n", what, got, wanted);
	exit(1);
}

/* Node.js lifts its own soft limit in the same way. */
static inline void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static inline double seconds_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline double now_seconds(void)
{
	return seconds_of(CLOCK_MONOTONIC);
}

/* Units per second of the clock, over at least `seconds`. */
static inline double measure(const struct row *row, double seconds, clockid_t clock)
{
	double enough = now_seconds() + seconds, start = seconds_of(clock), elapsed = 0;
	long units = 0;

	if (row->prepare == NULL) {
		do {
			units += row->work();
		} while (now_seconds() < enough);
		return (double)units / (seconds_of(clock) - start);
	}
	do {
		row->prepare();
		start = seconds_of(clock);
		units += row->work();
		elapsed += seconds_of(clock) - start;
	} while (elapsed < seconds);
	return (double)units / elapsed;
}

/* What a request is answered with. */
static inline double answer_of(const struct row *row, double seconds, bool cpu)
{
	double rate;

	if (row->sample != NULL)
		return row->sample();
	if (row->begin != NULL)
		row->begin();
	rate = measure(row, seconds, cpu || row->cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC);
	if (row->end != NULL)
		row->end();
	return rate;
}

static inline const struct row *find_row(const struct row *rows, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

/* Answers requests until standard input ends. */
static inline int serve(const struct row *rows, size_t n)
{
	const struct row *current = NULL;
	char line[128], name[64], clock[8];
	double seconds;

	raise_descriptor_limit();
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (fgets(line, sizeof line, stdin) != NULL) {
		if (sscanf(line, "%63s %lf %7s", name, &seconds, clock) != 3) {
			fprintf(stderr, "not a request: %s", line);
			return 1;
		}
		const struct row *row = find_row(rows, n, name);

		if (row != current) {
			if (current != NULL)
				current->teardown();
			if (row != NULL)
				row->setup();
			current = row;
		}
		if (row == NULL)
			puts("-");
		else
			printf("%.6f\n", answer_of(row, seconds, strcmp(clock, "cpu") == 0));
	}
	return 0;
}

#endif
