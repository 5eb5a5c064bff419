/*
 * The kernel tells of every fork, exec and exit on the system by netlink(7): the
 * process connector, linux/cn_proc.h.
 */
#include "connector.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>

#include "glue/env.h"

/* Until Linux 6.6 the kinds of events were declared inside struct proc_event. */
#define KERNEL_NONE UINT32_C(0)
#define KERNEL_FORK UINT32_C(1)
#define KERNEL_EXEC UINT32_C(2)
#define KERNEL_EXIT UINT32_C(0x80000000)

/* What the socket may hold; an ordinary user gets what net.core.rmem_max allows. */
#define SOCKET_ROOM (32 * 1024 * 1024)
/* So often the kernel is asked, see source_begin. */
#define TRIES 3
/* As many processors as Linux can be made for. */
#define PROCESSORS 8192

typedef void (*tell_function)(const struct event_record *record);

/* struct cn_msg ends with data of any length, so nothing may follow it; its fields stand here. */
struct question {
	struct nlmsghdr header;
	struct cb_id id;
	uint32_t seq;
	uint32_t ack;
	uint16_t len;
	uint16_t flags;
	uint32_t operation;
};

_Static_assert(sizeof(struct question) == NLMSG_LENGTH(sizeof(struct cn_msg) + sizeof(uint32_t)),
    "a message of the connector");

static uint32_t last_question;
/*
 * Each processor numbers its messages. Numbers that are missing are messages for
 * which the kernel had no memory; of the others it tells with ENOBUFS.
 */
static uint32_t numbers[PROCESSORS];
static uint8_t numbered[PROCESSORS];
static bool losing;

static void
check_number(const struct proc_event *event, uint32_t number)
{
	uint32_t cpu = event->cpu;

	/* Older kernels answer in the name of no processor. */
	if (cpu >= PROCESSORS)
		return;
	if (numbered[cpu] && number != numbers[cpu])
		losing = true;
	numbers[cpu] = number + 1;
	numbered[cpu] = 1;
}

ssize_t
proc_read(pid_t pid, const char *name, void *bytes, size_t most)
{
	char path[32];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	length = read(fd, bytes, most);
	close(fd);
	return length;
}

/*
 * The name of the program that a process has just executed, proc_pid_comm(5); left empty
 * when the process is gone. JavaScript would come too late for most that are short.
 */
static void
take_name(pid_t pid, void *name)
{
	char line[EVENT_NAME_SIZE];
	ssize_t length = proc_read(pid, "comm", line, sizeof(line));

	/* The last character is a newline. */
	if (length > 1)
		memcpy(name, line, (size_t)length - 1);
}

static void
take_event(const struct proc_event *event, tell_function tell)
{
	struct event_record record = { .fields = { 0 } };
	double *fields = record.fields;

	fields[EVENT_TIME] = (double)event->timestamp_ns;
	switch ((uint32_t)event->what) {
	case KERNEL_FORK:
		fields[EVENT_WHAT] = EVENT_FORK;
		fields[EVENT_PID] = event->event_data.fork.child_pid;
		fields[EVENT_TGID] = event->event_data.fork.child_tgid;
		fields[EVENT_VALUE] = event->event_data.fork.parent_tgid;
		break;
	case KERNEL_EXEC:
		fields[EVENT_WHAT] = EVENT_EXEC;
		fields[EVENT_PID] = event->event_data.exec.process_pid;
		fields[EVENT_TGID] = event->event_data.exec.process_tgid;
		/* A zombie keeps its name. */
		fields[EVENT_VALUE] = cmdline_keep(event->event_data.exec.process_tgid);
		take_name(event->event_data.exec.process_tgid, &fields[EVENT_NAME]);
		break;
	case KERNEL_EXIT:
		fields[EVENT_WHAT] = EVENT_EXIT;
		fields[EVENT_PID] = event->event_data.exit.process_pid;
		fields[EVENT_TGID] = event->event_data.exit.process_tgid;
		fields[EVENT_VALUE] = event->event_data.exit.exit_code & 0xffff;
		break;
	default:
		return;
	}
	tell(&record);
}

/* The connector's message in a datagram of the kernel's, or NULL. */
static const struct cn_msg *
connector_message(const void *buffer, size_t length, const struct sockaddr_nl *from)
{
	const struct nlmsghdr *header = buffer;
	const struct cn_msg *message;

	/* Others may send to the group, too; only the kernel has no port. */
	if (from->nl_pid != 0 || length < NLMSG_LENGTH(sizeof(*message)) ||
	    header->nlmsg_len > length || header->nlmsg_len < NLMSG_LENGTH(sizeof(*message)))
		return NULL;
	message = (const struct cn_msg *)((const char *)buffer + NLMSG_HDRLEN);
	if (message->id.idx != CN_IDX_PROC || message->id.val != CN_VAL_PROC ||
	    message->len < sizeof(struct proc_event) ||
	    NLMSG_LENGTH(sizeof(*message) + message->len) > length)
		return NULL;
	return message;
}

/*
 * Takes in one message: 1, 0 when there is none, -1 for an error of the socket.
 * `answer`, when it is wanted, is 0 or the errno that the kernel answers our question with.
 */
static int
take_message(int fd, tell_function tell, int *answer)
{
	char buffer[4096] __attribute__((aligned(8)));
	struct sockaddr_nl from = { 0 };
	socklen_t size = sizeof(from);
	struct proc_event event;
	const struct cn_msg *message;
	ssize_t length;

	length = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &size);
	if (length < 0) {
		if (errno == ENOBUFS) {
			losing = true;
			return 1;
		}
		return errno == EAGAIN ? 0 : errno == EINTR ? 1 : -1;
	}
	message = connector_message(buffer, (size_t)length, &from);
	if (message == NULL)
		return 1;
	memcpy(&event, message->data, sizeof(event));
	check_number(&event, message->seq);
	if ((uint32_t)event.what != KERNEL_NONE)
		take_event(&event, tell);
	else if (answer != NULL && message->ack == last_question + 1)
		*answer = (int)event.event_data.ack.err;
	return 1;
}

static void
take_all(int fd, tell_function tell, int *answer)
{
	static const struct event_record lost = { .fields = { [EVENT_WHAT] = EVENT_LOST } };

	while (take_message(fd, tell, answer) > 0)
		continue;
	if (!losing)
		return;
	losing = false;
	memset(numbered, 0, sizeof(numbered));
	tell(&lost);
}

void
procsource_take(int fd, tell_function tell)
{
	take_all(fd, tell, NULL);
}

static void
tell_nobody(const struct event_record *record)
{
	(void)record;
}

static int
ask_to_listen(int fd)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct question message;
	int answer = -1;

	memset(&message, 0, sizeof(message));
	message.header.nlmsg_len = sizeof(message);
	message.header.nlmsg_type = NLMSG_DONE;
	message.id.idx = CN_IDX_PROC;
	message.id.val = CN_VAL_PROC;
	message.ack = ++last_question;
	message.len = sizeof(message.operation);
	message.operation = PROC_CN_MCAST_LISTEN;
	if (sendto(fd, &message, sizeof(message), 0,
	    (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -1;
	/* The kernel answers before it returns, or not at all. */
	take_all(fd, tell_nobody, &answer);
	errno = answer < 0 ? ENOMSG : answer;
	return answer == 0 ? 0 : -1;
}

static int
source_begin(int fd)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	int room = SOCKET_ROOM, on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	/* A full socket is to be an error for the sender, and not nobody who listens. */
	setsockopt(fd, SOL_NETLINK, NETLINK_BROADCAST_ERROR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	/*
	 * Twice: as it finds that the last listener has gone, the kernel may forget one
	 * that has just come. It has no answers for whom it has forgotten.
	 */
	return ask_to_listen(fd) < 0 ? -1 : ask_to_listen(fd);
}

static int
socket_open(void)
{
	return socket(PF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
}

/* What is asked of a thread of its own, as who enters a namespace stays in it. */
struct excursion {
	/* Whose network namespace. */
	pid_t pid;
	int fd;
};

static void *
socket_open_beside(void *given)
{
	struct excursion *excursion = given;
	char path[32];
	int namespace;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)excursion->pid);
	namespace = open(path, O_RDONLY | O_CLOEXEC);
	if (namespace < 0)
		return NULL;
	if (setns(namespace, CLONE_NEWNET) == 0)
		excursion->fd = socket_open();
	close(namespace);
	return NULL;
}

/* In the network namespace of a process, -1 for who may not enter that. */
static int
socket_open_of(pid_t pid)
{
	struct excursion excursion = { .pid = pid, .fd = -1 };
	pthread_t thread;

	if (env_thread(&thread, socket_open_beside, &excursion) == 0)
		pthread_join(thread, NULL);
	return excursion.fd;
}

/* 0 for one that has none, or is gone. */
static pid_t
parent_of(pid_t pid)
{
	char line[128];
	ssize_t length = proc_read(pid, "stat", line, sizeof(line) - 1);
	const char *name_end;
	int parent = 0;

	line[length > 0 ? length : 0] = '\0';
	/* The name before it may have any characters. */
	name_end = strrchr(line, ')');
	if (name_end != NULL && sscanf(name_end, ") %*c %d", &parent) != 1)
		return 0;
	return parent;
}

/* Makes of a new socket, or of -1, one that the kernel tells of every process. */
static int
source_of(int fd)
{
	if (fd < 0)
		return -1;
	losing = false;
	memset(numbered, 0, sizeof(numbered));
	return source_begin(fd) < 0 ? close_quietly(fd) : fd;
}

/* In the network namespace of this process, or of another one. */
static int
source_in(pid_t pid)
{
	for (int tries = 0; tries < TRIES; tries++) {
		int fd = source_of(pid == 0 ? socket_open() : socket_open_of(pid));

		if (fd >= 0 || errno != ENOMSG)
			return fd;
	}
	return -1;
}

/*
 * The kernel tells of processes in its first network namespace only. Who has left it, by ip-netns(8)
 * say, mostly has an ancestor that has not.
 */
static int
source_in_ancestor(void)
{
	for (pid_t pid = getppid(); pid > 0; pid = parent_of(pid)) {
		int fd = source_in(pid);

		if (fd >= 0)
			return fd;
	}
	errno = ECONNREFUSED;
	return -1;
}

int
procsource_open(void)
{
	int fd = source_in(0);

	return fd < 0 && errno == ECONNREFUSED ? source_in_ancestor() : fd;
}

int
procsource_hand_over(void)
{
	static uint32_t kept_numbers[PROCESSORS];
	static uint8_t kept_numbered[PROCESSORS];
	bool was_losing = losing;
	int fd;

	/* To open one empties it, which is not to count for the socket that is read here. */
	memcpy(kept_numbers, numbers, sizeof(numbers));
	memcpy(kept_numbered, numbered, sizeof(numbered));
	fd = procsource_open();
	memcpy(numbers, kept_numbers, sizeof(numbers));
	memcpy(numbered, kept_numbered, sizeof(numbered));
	losing = was_losing;
	return fd;
}
