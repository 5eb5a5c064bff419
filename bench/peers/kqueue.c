/*
 * The rows of the benchmark with kqueue(2) and kevent(2), to be linked with any
 * C library that has them. One setup, work and teardown a row; see measure.h.
 */
#include "measure.h"
#include "others.h"

#include <sys/event.h>

static int kq;
static struct kevent changes[MOST_PIPES], deletions[MOST_PIPES], events[MOST_PIPES];
static bool registered;
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

static void pipes_open_only(int count, int ready)
{
	create();
	expect("opening pipes", open_pipes(count, ready), 0);
	for (int i = 0; i < count; i++) {
		EV_SET(&changes[i], pipe_reader[i], EVFILT_READ, EV_ADD, 0, 0, 0);
		EV_SET(&deletions[i], pipe_reader[i], EVFILT_READ, EV_DELETE, 0, 0, 0);
	}
	registered = false;
}

static void pipes_setup(int count, int ready)
{
	pipes_open_only(count, ready);
	apply(changes, count);
}

static void pipes_teardown(void)
{
	close(kq);
	close_pipes();
}

/* rotate: a byte is written, one kevent tells of it, and it is read. */

static void idle_setup(void)
{
	pipes_setup(IDLE_PIPES, 0);
}

static long rotate(void)
{
	for (int i = 0; i < CALLS; i++) {
		expect("a byte written and read", turn(1), 0);
		expect("kevent with a pipe written", poll_events(EVENTS), 1);
		expect("the pipe", events[0].ident, pipe_reader[turn_from]);
		expect("its bytes", events[0].data, 1);
	}
	return CALLS;
}

/* Every event of one kevent, and its byte count. */
static long scan(int ready)
{
	int n = poll_events(ready);
	long sum = 0;

	expect("kevent with pipes ready", n, ready);
	for (int i = 0; i < n; i++)
		sum += events[i].data;
	expect("bytes by kevent", sum, ready);
	byte_sum = sum;
	return n;
}

/* rotate-100: the same with a hundred at a time. */

static long rotate_100(void)
{
	expect("bytes written and read", turn(READY_PIPES), 0);
	return scan(READY_PIPES);
}

/* read-scan, scan-9000, level-rescan, sparse: one kevent that returns what is ready. */

static void read_scan_setup(void)
{
	pipes_setup(PIPES, PIPES);
}

static long read_scan(void)
{
	return scan(PIPES);
}

static void scan_most_setup(void)
{
	pipes_setup(MOST_PIPES, MOST_PIPES);
}

/* Some libraries hand out a few hundred at most: a unit is an event. */
static long scan_most(void)
{
	int n = poll_events(MOST_PIPES);

	if (n <= 0)
		die("kevent with every pipe ready");
	return n;
}

static void level_setup(void)
{
	pipes_setup(IDLE_PIPES, READY_PIPES);
}

static long level_rescan(void)
{
	return scan(READY_PIPES);
}

static void sparse_setup(void)
{
	pipes_setup(MOST_PIPES, 1);
}

static long sparse(void)
{
	for (int i = 0; i < CALLS; i++)
		scan(1);
	return CALLS;
}

/* register, unregister: every pipe added or deleted in one changelist. */

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

static long add_pipes(void)
{
	apply(changes, pipes_open);
	registered = true;
	return pipes_open;
}

static long delete_pipes(void)
{
	apply(deletions, pipes_open);
	registered = false;
	return pipes_open;
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
		EV_SET(&changes[0], pipe_reader[0], EVFILT_READ, EV_ADD, 0, 0, 0);
		EV_SET(&deletions[0], pipe_reader[0], EVFILT_READ, EV_DELETE, 0, 0, 0);
		apply(changes, 1);
		scan(1);
		apply(deletions, 1);
		close_pipes();
	}
	return CALLS;
}

/* idle-poll: kevent that finds nothing. */

static void idle_poll_setup(void)
{
	pipes_setup(PIPES, 0);
}

static long idle_poll(void)
{
	for (int i = 0; i < CALLS; i++)
		expect("kevent with nothing pending", poll_events(EVENTS), 0);
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

static void user_trigger_idle_setup(void)
{
	idle_setup();
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

/* timer-fire: periodic timers, waited for. */

static void timer_fire_begin(void)
{
	for (int i = 0; i < FIRING; i++) {
		EV_SET(&changes[i], i, EVFILT_TIMER, EV_ADD, 0, FIRING_MS, 0);
		EV_SET(&deletions[i], i, EVFILT_TIMER, EV_DELETE, 0, 0, 0);
	}
	apply(changes, FIRING);
}

static long timer_fire(void)
{
	int n = kevent(kq, NULL, 0, events, FIRING, NULL);

	if (n < 0)
		die("kevent with timers");
	return n;
}

static void timer_fire_end(void)
{
	apply(deletions, FIRING);
}

/* wake: how long after a write of another process kevent returns, in us. */

static int tell, times;

static void wake_setup(void)
{
	create();
	expect("another process", open_writer(&tell, &times), 0);
	EV_SET(&changes[0], times, EVFILT_READ, EV_ADD, 0, 0, 0);
	apply(changes, 1);
}

static double wake(void)
{
	int64_t written, now;

	expect("write", write(tell, "", 1), 1);
	expect("kevent", kevent(kq, NULL, 0, events, 1, NULL), 1);
	now = now_ns();
	expect("read", read(times, &written, sizeof written), sizeof written);
	return (double)(now - written) / 1e3;
}

static void wake_teardown(void)
{
	close(kq);
	close_writer(tell, times);
}

/* exit-add: processes watched in one changelist, and deleted in another. */

static void exit_add_open(int count)
{
	create();
	expect("processes", open_processes(count), 0);
	for (int i = 0; i < count; i++) {
		EV_SET(&changes[i], process[i], EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, 0);
		EV_SET(&deletions[i], process[i], EVFILT_PROC, EV_DELETE, 0, 0, 0);
	}
	registered = false;
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
	if (registered)
		apply(deletions, processes_open);
	registered = false;
}

static long exit_add(void)
{
	apply(changes, processes_open);
	registered = true;
	return processes_open;
}

static void exit_teardown(void)
{
	close(kq);
	close_processes();
}

/* signal: a signal sent, and told of. */

static void signal_setup(void)
{
	create();
	EV_SET(&changes[0], SIGUSR2, EVFILT_SIGNAL, EV_ADD, 0, 0, 0);
	apply(changes, 1);
}

static long take_signals(void)
{
	for (int i = 0; i < CALLS; i++) {
		expect("kill", signal_self(), 0);
		expect("kevent with a signal", kevent(kq, NULL, 0, events, 1, NULL), 1);
	}
	return CALLS;
}

/*
 * vnode: files written once, until it is told of each; files a second. Fewer than ours watches:
 * some libraries take an instance of inotify(7) for each, of which there are 128.
 */

static int file[FILES];
static int files_open;
static char directory[] = "/tmp/kqueue-bench-XXXXXX";

static const char *file_name(int at)
{
	static char name[64];

	snprintf(name, sizeof name, "%s/%d", directory, at);
	return name;
}

static void vnode_setup(void)
{
	create();
	strcpy(directory + sizeof directory - 7, "XXXXXX");
	if (mkdtemp(directory) == NULL)
		die("mkdtemp");
	for (files_open = 0; files_open < FILES; files_open++) {
		int fd = open(file_name(files_open), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		if (fd < 0)
			die("a file");
		EV_SET(&changes[0], fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE, 0, 0);
		file[files_open] = fd;
		if (kevent(kq, changes, 1, NULL, 0, NULL) != 0) {
			close(fd);
			unlink(file_name(files_open));
			break;
		}
	}
	if (files_open == 0)
		die("kevent with a file");
}

static double vnode(void)
{
	double start = now_seconds();
	int told = 0;

	for (int i = 0; i < files_open; i++)
		expect("write", pwrite(file[i], "x", 1, 0), 1);
	while (told < files_open) {
		int n = kevent(kq, NULL, 0, events, FILES, NULL);

		if (n < 0)
			die("kevent with files");
		told += n;
	}
	return files_open / (now_seconds() - start);
}

static void vnode_teardown(void)
{
	close(kq);
	for (int i = 0; i < files_open; i++) {
		close(file[i]);
		unlink(file_name(i));
	}
	rmdir(directory);
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
	ROW("user-trigger", user_trigger_setup, user_trigger, teardown),
	ROW("user-trigger-1000", user_trigger_idle_setup, user_trigger, pipes_teardown),
	ROW("timer-arm", timer_arm_setup, timer_arm, teardown),
	{ .name = "timer-fire", .setup = create, .work = timer_fire, .teardown = teardown,
	  .begin = timer_fire_begin, .end = timer_fire_end, .cpu = true },
	{ .name = "wake", .setup = wake_setup, .sample = wake, .teardown = wake_teardown },
	{ .name = "exit-add-100", .setup = exit_add_100_setup, .work = exit_add,
	  .teardown = exit_teardown, .prepare = exit_forget },
	{ .name = "exit-add", .setup = exit_add_setup, .work = exit_add,
	  .teardown = exit_teardown, .prepare = exit_forget },
	{ .name = "exit-add-5000", .setup = exit_add_5000_setup, .work = exit_add,
	  .teardown = exit_teardown, .prepare = exit_forget },
	ROW("signal", signal_setup, take_signals, teardown),
	{ .name = "vnode", .setup = vnode_setup, .sample = vnode, .teardown = vnode_teardown },
};

int main(void)
{
	return serve(rows, sizeof rows / sizeof *rows);
}
