/*
 * The rows of the benchmark with kqueue(2) and kevent(2), to be linked with any
 * C library that has them. One setup, work and teardown a row; see measure.h.
 */
#include "measure.h"

#include <sys/event.h>

static int kq;
static struct kevent changes[TIMERS], deletions[TIMERS], events[PIPES];
static volatile long byte_sum; /* keeps the byte counts from being optimized away */

static void create(void)
{
	kq = kqueue();
	if (kq < 0)
		die("kqueue");
}

static void teardown(void)
{
	close(kq);
}

static void apply(const struct kevent *changelist, int n)
{
	expect("kevent with changes", kevent(kq, changelist, n, NULL, 0, NULL), 0);
}

static int poll_events(int nevents)
{
	static const struct timespec zero;

	return kevent(kq, NULL, 0, events, nevents, &zero);
}

static void pipes_changes(void)
{
	for (int i = 0; i < PIPES; i++) {
		EV_SET(&changes[i], pipe_reader[i], EVFILT_READ, EV_ADD, 0, 0, 0);
		EV_SET(&deletions[i], pipe_reader[i], EVFILT_READ, EV_DELETE, 0, 0, 0);
	}
}

static void pipes_setup(size_t bytes)
{
	create();
	open_pipes(bytes);
	pipes_changes();
	apply(changes, PIPES);
}

static void pipes_teardown(void)
{
	close(kq);
	close_pipes();
}

/* read-scan: one kevent that returns every pipe with its byte count. */

static void read_scan_setup(void)
{
	pipes_setup(1);
}

static long read_scan(void)
{
	int n = poll_events(PIPES);
	long sum = 0;

	expect("kevent with every pipe ready", n, PIPES);
	for (int i = 0; i < n; i++)
		sum += events[i].data;
	expect("bytes by kevent", sum, PIPES);
	byte_sum = sum;
	return n;
}

/* register: every pipe added in one changelist, then deleted in another. */

static void register_setup(void)
{
	create();
	open_pipes(0);
	pipes_changes();
}

static long register_pipes(void)
{
	apply(changes, PIPES);
	apply(deletions, PIPES);
	return 2 * PIPES;
}

/* idle-poll: kevent that finds nothing. */

static void idle_poll_setup(void)
{
	pipes_setup(0);
}

static long idle_poll(void)
{
	for (int i = 0; i < CALLS; i++)
		expect("kevent with nothing pending", poll_events(PIPES), 0);
	return CALLS;
}

/* user-trigger: one kevent that triggers a user event and returns it. */

static void user_trigger_setup(void)
{
	create();
	EV_SET(&changes[0], 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0, 0);
	apply(changes, 1);
	EV_SET(&changes[0], 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, 0);
}

static long user_trigger(void)
{
	static const struct timespec zero;

	for (int i = 0; i < CALLS; i++)
		expect("kevent that triggers", kevent(kq, changes, 1, events, 1, &zero), 1);
	return CALLS;
}

/* timer-arm: timers added in one changelist, then deleted in another. */

static void timer_arm_setup(void)
{
	create();
	for (int i = 0; i < TIMERS; i++) {
		EV_SET(&changes[i], i, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, HOUR_SECONDS * 1000, 0);
		EV_SET(&deletions[i], i, EVFILT_TIMER, EV_DELETE, 0, 0, 0);
	}
}

static long timer_arm(void)
{
	apply(changes, TIMERS);
	apply(deletions, TIMERS);
	return TIMERS;
}

static const struct row rows[] = {
	{ "read-scan", read_scan_setup, read_scan, pipes_teardown },
	{ "register", register_setup, register_pipes, pipes_teardown },
	{ "idle-poll", idle_poll_setup, idle_poll, pipes_teardown },
	{ "user-trigger", user_trigger_setup, user_trigger, teardown },
	{ "timer-arm", timer_arm_setup, timer_arm, teardown },
};

int main(void)
{
	return serve(rows, sizeof rows / sizeof *rows);
}
