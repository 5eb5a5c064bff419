/*
 * The rows of the benchmark with bare Linux calls: what a C program without any
 * kqueue would write. One setup, work and teardown a row; see measure.h.
 */
#include "measure.h"

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>

static int epfd;
static struct epoll_event events[PIPES];
static volatile long byte_sum; /* keeps the byte counts from being optimized away */

static void add(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) != 0)
		die("EPOLL_CTL_ADD");
}

static void create(void)
{
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (epfd < 0)
		die("epoll_create1");
}

static void pipes_setup(size_t bytes)
{
	create();
	open_pipes(bytes);
	for (int i = 0; i < PIPES; i++)
		add(pipe_reader[i]);
}

static void pipes_teardown(void)
{
	close(epfd);
	close_pipes();
}

/* read-scan: one epoll_wait, then the byte count of every ready pipe. */

static void read_scan_setup(void)
{
	pipes_setup(1);
}

static long read_scan(void)
{
	int n = epoll_wait(epfd, events, PIPES, 0);
	long sum = 0;

	expect("epoll_wait", n, PIPES);
	for (int i = 0; i < n; i++) {
		int bytes;

		if (ioctl(events[i].data.fd, FIONREAD, &bytes) != 0)
			die("FIONREAD");
		sum += bytes;
	}
	expect("bytes by FIONREAD", sum, PIPES);
	byte_sum = sum;
	return n;
}

/* register: every pipe added, then every pipe deleted. */

static void register_setup(void)
{
	create();
	open_pipes(0);
}

static long register_pipes(void)
{
	for (int i = 0; i < PIPES; i++)
		add(pipe_reader[i]);
	for (int i = 0; i < PIPES; i++)
		if (epoll_ctl(epfd, EPOLL_CTL_DEL, pipe_reader[i], NULL) != 0)
			die("EPOLL_CTL_DEL");
	return 2 * PIPES;
}

/* idle-poll: epoll_wait that finds nothing. */

static void idle_poll_setup(void)
{
	pipes_setup(0);
}

static long idle_poll(void)
{
	for (int i = 0; i < CALLS; i++)
		expect("epoll_wait", epoll_wait(epfd, events, PIPES, 0), 0);
	return CALLS;
}

/* user-trigger: an eventfd written, waited for and read. */

static int event_fd;

static void user_trigger_setup(void)
{
	create();
	event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (event_fd < 0)
		die("eventfd");
	add(event_fd);
}

static long user_trigger(void)
{
	for (int i = 0; i < CALLS; i++) {
		uint64_t count = 1;

		expect("write", write(event_fd, &count, sizeof count), sizeof count);
		expect("epoll_wait", epoll_wait(epfd, events, 1, 0), 1);
		expect("read", read(event_fd, &count, sizeof count), sizeof count);
	}
	return CALLS;
}

static void user_trigger_teardown(void)
{
	close(event_fd);
	close(epfd);
}

/* timer-arm: a timerfd a timer, made, set and added, then closed. */

static int timer_fd[TIMERS];

static long timer_arm(void)
{
	static const struct itimerspec hour = { .it_value.tv_sec = HOUR_SECONDS };

	for (int i = 0; i < TIMERS; i++) {
		timer_fd[i] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		if (timer_fd[i] < 0)
			die("timerfd_create");
		if (timerfd_settime(timer_fd[i], 0, &hour, NULL) != 0)
			die("timerfd_settime");
		add(timer_fd[i]);
	}
	for (int i = 0; i < TIMERS; i++)
		close(timer_fd[i]);
	return TIMERS;
}

static void timer_arm_teardown(void)
{
	close(epfd);
}

static const struct row rows[] = {
	{ "read-scan", read_scan_setup, read_scan, pipes_teardown },
	{ "register", register_setup, register_pipes, pipes_teardown },
	{ "idle-poll", idle_poll_setup, idle_poll, pipes_teardown },
	{ "user-trigger", user_trigger_setup, user_trigger, user_trigger_teardown },
	{ "timer-arm", create, timer_arm, timer_arm_teardown },
};

int main(void)
{
	return serve(rows, sizeof rows / sizeof *rows);
}
