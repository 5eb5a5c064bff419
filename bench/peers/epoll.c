/*
 * The rows of the benchmark with bare Linux calls: what a C program without any
 * kqueue would write. One setup, work and teardown a row; see measure.h.
 *
 * With PROVED, what a C program would write that trusts no number, with the calls that this
 * package makes: it asks what kind of file is added; before a count and in place of a deletion
 * it has epoll refuse to add what is there already, which proves that the number still is that
 * file; and what was deleted stays in and is changed when it is added again.
 */
#include "measure.h"
#include "others.h"

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

static int epfd;
static struct epoll_event events[MOST_PIPES];
static bool registered;
#ifdef PROVED
static bool parked; /* the pipes are not registered, and in the epoll instance all the same */
#endif
static volatile long byte_sum; /* keeps the byte counts from being optimized away */

static void add(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) != 0)
		die("EPOLL_CTL_ADD");
}

static void prove(int fd)
{
#ifdef PROVED
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) == 0 || errno != EEXIST)
		die("another file");
#else
	(void)fd;
#endif
}

static void add_pipe(int fd)
{
#ifdef PROVED
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	struct stat status;

	if (parked) {
		if (epoll_ctl(epfd, EPOLL_CTL_MOD, fd, &event) != 0)
			die("EPOLL_CTL_MOD");
		return;
	}
	if (fstat(fd, &status) != 0 || S_ISREG(status.st_mode))
		die("fstat");
#endif
	add(fd);
}

static void delete_pipe(int fd)
{
#ifdef PROVED
	prove(fd);
#else
	if (epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL) != 0)
		die("EPOLL_CTL_DEL");
#endif
}

static void create(void)
{
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (epfd < 0)
		die("epoll_create1");
}

static void pipes_open_only(int count, int ready)
{
	create();
	expect("opening pipes", open_pipes(count, ready), 0);
	registered = false;
#ifdef PROVED
	parked = false;
#endif
}

static long add_pipes(void)
{
	for (int i = 0; i < pipes_open; i++)
		add_pipe(pipe_reader[i]);
	registered = true;
	return pipes_open;
}

static long delete_pipes(void)
{
	for (int i = 0; i < pipes_open; i++)
		delete_pipe(pipe_reader[i]);
	registered = false;
#ifdef PROVED
	parked = true;
#endif
	return pipes_open;
}

static void pipes_setup(int count, int ready)
{
	pipes_open_only(count, ready);
	add_pipes();
}

static void pipes_teardown(void)
{
	close(epfd);
	close_pipes();
}

static void teardown(void)
{
	close(epfd);
}

/* What is ready, level-triggered, and how many bytes wait in each. */
static long scan(int room, int ready)
{
	int n = epoll_wait(epfd, events, room, 0);
	long sum = 0;

	expect("epoll_wait", n, ready);
	for (int i = 0; i < n; i++) {
		int bytes;

		prove(events[i].data.fd);
		if (ioctl(events[i].data.fd, FIONREAD, &bytes) != 0)
			die("FIONREAD");
		sum += bytes;
	}
	expect("bytes by FIONREAD", sum, ready);
	byte_sum = sum;
	return n;
}

/* rotate: a byte is written, told of, counted and read; rotate-100: a hundred at a time. */

static void idle_setup(void)
{
	pipes_setup(IDLE_PIPES, 0);
}

static long rotate(void)
{
	for (int i = 0; i < CALLS; i++) {
		expect("a byte written and read", turn(1), 0);
		scan(EVENTS, 1);
		expect("the pipe", events[0].data.fd, pipe_reader[turn_from]);
	}
	return CALLS;
}

static long rotate_100(void)
{
	expect("bytes written and read", turn(READY_PIPES), 0);
	return scan(READY_PIPES, READY_PIPES);
}

/* read-scan, scan-9000, level-rescan, sparse: what is ready, and is not read. */

static void read_scan_setup(void)
{
	pipes_setup(PIPES, PIPES);
}

static long read_scan(void)
{
	return scan(PIPES, PIPES);
}

static void scan_most_setup(void)
{
	pipes_setup(MOST_PIPES, MOST_PIPES);
}

static long scan_most(void)
{
	return scan(MOST_PIPES, MOST_PIPES);
}

static void level_setup(void)
{
	pipes_setup(IDLE_PIPES, READY_PIPES);
}

static long level_rescan(void)
{
	return scan(READY_PIPES, READY_PIPES);
}

static void sparse_setup(void)
{
	pipes_setup(MOST_PIPES, 1);
}

static long sparse(void)
{
	for (int i = 0; i < CALLS; i++)
		scan(1, 1);
	return CALLS;
}

/* register, unregister: every pipe added, or deleted. */

static void register_setup(void)
{
	pipes_open_only(PIPES, 0);
}

static void register_3000_setup(void)
{
	pipes_open_only(3000, 0);
}

static void register_most_setup(void)
{
	pipes_open_only(MOST_PIPES, 0);
}

static void deleted(void)
{
	if (registered)
		delete_pipes();
}

static void added(void)
{
	if (!registered)
		add_pipes();
}

/* churn: a pipe made, added, written, told of, deleted and closed. */

static long churn(void)
{
	for (int i = 0; i < CALLS; i++) {
		expect("opening a pipe", open_pipes(1, 1), 0);
		add_pipes();
		scan(1, 1);
		delete_pipes();
		close_pipes();
#ifdef PROVED
		parked = false;
#endif
	}
	return CALLS;
}

/* idle-poll: epoll_wait that finds nothing. */

static void idle_poll_setup(void)
{
	pipes_setup(PIPES, 0);
}

static long idle_poll(void)
{
	for (int i = 0; i < CALLS; i++)
		expect("epoll_wait", epoll_wait(epfd, events, EVENTS, 0), 0);
	return CALLS;
}

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

/* wake: how long after a write of another process epoll_wait returns, in us. */

static int tell, times;

static void wake_setup(void)
{
	create();
	expect("another process", open_writer(&tell, &times), 0);
	add(times);
}

static double wake(void)
{
	int64_t written, now;

	expect("write", write(tell, "", 1), 1);
	expect("epoll_wait", epoll_wait(epfd, events, 1, -1), 1);
	now = now_ns();
	expect("read", read(times, &written, sizeof written), sizeof written);
	return (double)(now - written) / 1e3;
}

static void wake_teardown(void)
{
	close(epfd);
	close_writer(tell, times);
}

/* exit-add: a pidfd a process. */

static int pidfd[MOST_PROCESSES];

static void exit_add_open(int count)
{
	create();
	expect("processes", open_processes(count), 0);
}

static void exit_add_100_setup(void)
{
	exit_add_open(100);
}

static void exit_add_setup(void)
{
	exit_add_open(1000);
}

static void exit_add_5000_setup(void)
{
	exit_add_open(MOST_PROCESSES);
}

static void exit_forget(void)
{
	for (int i = 0; i < processes_open; i++)
		if (pidfd[i] != 0)
			close(pidfd[i]);
	memset(pidfd, 0, sizeof pidfd);
}

static long exit_add(void)
{
	for (int i = 0; i < processes_open; i++) {
		pidfd[i] = (int)syscall(SYS_pidfd_open, process[i], 0);
		if (pidfd[i] < 0)
			die("pidfd_open");
		add(pidfd[i]);
	}
	return processes_open;
}

static void exit_teardown(void)
{
	exit_forget();
	close(epfd);
	close_processes();
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
