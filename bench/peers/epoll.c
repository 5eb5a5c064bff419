/*
 * The rows of the benchmark with bare Linux calls: what a C program without any
 * kqueue would write. One setup, work and teardown a row; see measure.h. The rows about
 * pipes are in epoll_pipes.h, those about other processes in epoll_others.h, and the
 * others and the table of all of them here.
 */
#include "epoll_others.h"
#include "epoll_pipes.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

/* user-trigger: an eventfd written, waited for and read. */

static int event_fd;

static void user_trigger_begin(void)
{
	event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (event_fd < 0)
		die("eventfd");
	add(event_fd);
}

static void user_trigger_setup(void)
{
	create();
	user_trigger_begin();
}

static void user_trigger_idle_setup(void)
{
	idle_setup();
	user_trigger_begin();
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
	close_pipes();
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

/* timer-fire: a timerfd a timer, waited for and read. */

static int firing_fd[FIRING];

static void timer_fire_begin(void)
{
	static const struct itimerspec period = { .it_value.tv_nsec = FIRING_MS * 1000000,
		.it_interval.tv_nsec = FIRING_MS * 1000000 };

	for (int i = 0; i < FIRING; i++) {
		firing_fd[i] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		if (firing_fd[i] < 0)
			die("timerfd_create");
		if (timerfd_settime(firing_fd[i], 0, &period, NULL) != 0)
			die("timerfd_settime");
		add(firing_fd[i]);
	}
}

static long timer_fire(void)
{
	int n = epoll_wait(epfd, events, FIRING, -1);

	for (int i = 0; i < n; i++) {
		uint64_t expirations;

		expect("read", read(events[i].data.fd, &expirations, 8), 8);
	}
	return n;
}

static void timer_fire_end(void)
{
	for (int i = 0; i < FIRING; i++)
		close(firing_fd[i]);
}

/* signal: a signalfd, waited for and read. */

static void signal_setup(void)
{
	sigset_t set;

	create();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	event_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (event_fd < 0)
		die("signalfd");
	add(event_fd);
}

static long take_signals(void)
{
	struct signalfd_siginfo info;

	for (int i = 0; i < CALLS; i++) {
		expect("kill", signal_self(), 0);
		expect("epoll_wait", epoll_wait(epfd, events, 1, -1), 1);
		expect("read", read(event_fd, &info, sizeof info), sizeof info);
	}
	return CALLS;
}

#define REGISTER(row, before, what, undo) { .name = row, .setup = before, .work = what, \
	.teardown = pipes_teardown, .prepare = undo }

static const struct row rows[] = {
	ROW("rotate", idle_setup, rotate, pipes_teardown),
	ROW("rotate-trusted", idle_setup, rotate, pipes_teardown),
	ROW("rotate-100", idle_setup, rotate_100, pipes_teardown),
	ROW("churn", create, churn, teardown),
	ROW("idle-poll", idle_poll_setup, idle_poll, pipes_teardown),
	ROW("sparse", sparse_setup, sparse, pipes_teardown),
	ROW("level-rescan", level_setup, level_rescan, pipes_teardown),
	ROW("level-rescan-trusted", level_setup, level_rescan, pipes_teardown),
	ROW("read-scan", read_scan_setup, read_scan, pipes_teardown),
	ROW("scan-9000", scan_most_setup, scan_most, pipes_teardown),
	REGISTER("register", register_setup, add_pipes, deleted),
	REGISTER("register-3000", register_3000_setup, add_pipes, deleted),
	REGISTER("register-9000", register_most_setup, add_pipes, deleted),
	REGISTER("unregister", register_setup, delete_pipes, added),
	REGISTER("unregister-3000", register_3000_setup, delete_pipes, added),
	ROW("user-trigger", user_trigger_setup, user_trigger, user_trigger_teardown),
	ROW("user-trigger-1000", user_trigger_idle_setup, user_trigger, user_trigger_teardown),
	ROW("timer-arm", create, timer_arm, teardown),
	{ .name = "timer-fire", .setup = create, .work = timer_fire, .teardown = teardown,
	  .begin = timer_fire_begin, .end = timer_fire_end, .cpu = true },
	{ .name = "wake", .setup = wake_setup, .sample = wake, .teardown = wake_teardown },
	{ .name = "exit-add-100", .setup = exit_add_100_setup, .work = exit_add,
	  .teardown = exit_teardown, .prepare = exit_forget },
	{ .name = "exit-add", .setup = exit_add_setup, .work = exit_add,
	  .teardown = exit_teardown, .prepare = exit_forget },
	{ .name = "exit-add-5000", .setup = exit_add_5000_setup, .work = exit_add,
	  .teardown = exit_teardown, .prepare = exit_forget },
	ROW("signal", signal_setup, take_signals, user_trigger_teardown),
};

int main(void)
{
	return serve(rows, sizeof rows / sizeof *rows);
}
