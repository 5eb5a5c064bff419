/*
 * The process connector for all environments of the process: one socket
 * (procsource.c), and for each environment that listens a FIFO of records (fifo.c).
 *
 * What arrives is taken out of the socket at once, by a thread that does nothing
 * else, because the socket of an ordinary user has room for a few hundred messages
 * and JavaScript may be busy for longer than that lasts. Whoever reads a FIFO
 * first empties the socket, so that nothing that has happened is missing.
 */
#include "engines/engines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "connector.h"

/* Guards the start and the end of the thread; taken before the other. */
static pthread_mutex_t life = PTHREAD_MUTEX_INITIALIZER;
/* Guards all of the following, which the thread works on. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct event_fifo *fifos;
static int source = -1;
static int stop = -1;
/* Of those two. */
static struct ownership ownership;
static pthread_t thread;

static void
tell_all(const struct event_record *record)
{
	for (struct event_fifo *fifo = fifos; fifo != NULL; fifo = fifo->next)
		event_fifo_add(fifo, record);
}

static void *
read_messages(void *unused)
{
	struct pollfd set[2] = {
		{ .fd = source, .events = POLLIN },
		{ .fd = stop, .events = POLLIN },
	};

	(void)unused;
	for (;;) {
		if (poll(set, 2, -1) < 0 && errno != EINTR)
			break;
		/* The socket may have been closed by who closes all descriptors. */
		if (set[1].revents != 0 || set[0].revents & POLLNVAL)
			break;
		pthread_mutex_lock(&lock);
		procsource_take(source, tell_all);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void
source_close(void)
{
	int error = errno;

	owned_end(&ownership);
	source = stop = -1;
	errno = error;
}

/* `given` is a socket that another process has opened for this one, -1 for none. */
static int
source_open(int given)
{
	source = owned_take(&ownership, given >= 0 ? given : procsource_open(), -1);
	if (source >= 0)
		stop = owned_take(&ownership, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), -1);
	if (stop < 0 || (errno = env_thread(&thread, read_messages, NULL)) != 0) {
		source_close();
		return -1;
	}
	return 0;
}

/* With `life` held and without fifos. */
static void
source_end(void)
{
	/* Who closed it has left the thread alone, which then goes on to listen to nothing. */
	if (owned_holds(&ownership, stop) && eventfd_write(stop, 1) == 0)
		pthread_join(thread, NULL);
	else
		pthread_detach(thread);
	source_close();
}

/*
 * Puts a FIFO among those that are told: 0 or an errno. It takes over `given`, a socket of which
 * all that it holds is for this listener; -1 for none.
 */
static int
fifo_join(struct event_fifo *fifo, int given)
{
	int error = 0;

	pthread_mutex_lock(&life);
	pthread_mutex_lock(&lock);
	if (source >= 0 && given >= 0) {
		close(given);
		given = -1;
	}
	if (source < 0 && source_open(given) < 0) {
		error = errno;
	} else {
		/* What has happened until now is not for the new listener. */
		if (given < 0)
			procsource_take(source, tell_all);
		fifo->next = fifos;
		fifo->link = &fifos;
		if (fifos != NULL)
			fifos->link = &fifo->next;
		fifos = fifo;
	}
	pthread_mutex_unlock(&lock);
	pthread_mutex_unlock(&life);
	return error;
}

/* What one environment is told by, NULL while it does not listen. */
struct listener {
	struct event_fifo *fifo;
};

static void
listener_leave(struct listener *listener)
{
	struct event_fifo *fifo = listener->fifo;
	bool last;

	if (fifo == NULL)
		return;
	pthread_mutex_lock(&life);
	pthread_mutex_lock(&lock);
	*fifo->link = fifo->next;
	if (fifo->next != NULL)
		fifo->next->link = fifo->link;
	last = fifos == NULL;
	pthread_mutex_unlock(&lock);
	if (last)
		source_end();
	pthread_mutex_unlock(&life);
	listener->fifo = NULL;
	event_fifo_free(fifo);
}

static void
listener_end(struct env_state *state, void *part)
{
	(void)state;
	listener_leave(part);
}

static const struct env_kind listener_kind = {
	.size = sizeof(struct listener),
	.end = listener_end,
};

static struct event_fifo *
fifo_make(struct env_state *state)
{
	struct event_fifo *fifo = calloc(1, sizeof(*fifo));

	if (fifo == NULL)
		return NULL;
	fifo->bell = env_own(state, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), -1);
	if (fifo->bell >= 0)
		return fifo;
	event_fifo_free(fifo);
	return NULL;
}

/* Takes over `given`, see fifo_join, whatever comes of it. */
static int
listener_join(struct env_state *state, struct listener *listener, int given)
{
	struct event_fifo *fifo = fifo_make(state);
	int error;

	if (fifo == NULL)
		return given >= 0 ? close_quietly(given) : -1;
	error = fifo_join(fifo, given);
	if (error == 0) {
		listener->fifo = fifo;
		return fifo->bell;
	}
	env_close(state, fifo->bell);
	event_fifo_free(fifo);
	errno = error;
	return -1;
}

/* The environment's if it listens, else NULL with EBADF. */
static struct listener *
listening(struct env_state *state)
{
	struct listener *listener = env_find_part(state, &listener_kind);

	if (listener != NULL && listener->fifo != NULL)
		return listener;
	errno = EBADF;
	return NULL;
}

static int
connector_open(struct call *call)
{
	int given = call->ints[0];
	struct listener *listener;

	if (given >= 0 && fcntl(given, F_SETFD, FD_CLOEXEC) < 0)
		return -1;
	listener = env_part(call->state, &listener_kind);
	if (listener == NULL)
		return -1;
	if (listener->fifo != NULL) {
		errno = EALREADY;
		return -1;
	}
	return listener_join(call->state, listener, given);
}

/* A socket for another process, which listens from now on. */
static int
connector_hand_over(struct call *call)
{
	int fd;

	pthread_mutex_lock(&lock);
	fd = procsource_hand_over();
	pthread_mutex_unlock(&lock);
	return env_own(call->state, fd, -1);
}

static napi_value
connector_read(struct call *call)
{
	struct listener *listener;
	size_t length, count;
	void *records;

	if (!call_array(call, 0, "records", napi_float64_array, EVENT_RECORD, &records, &length))
		return call->answer;
	listener = listening(call->state);
	if (listener == NULL)
		return call_result(call, -1);
	pthread_mutex_lock(&lock);
	procsource_take(source, tell_all);
	count = event_fifo_take(listener->fifo, records, length / EVENT_RECORD);
	pthread_mutex_unlock(&lock);
	return call_number(call, (double)count);
}

static napi_value
connector_cmdline(struct call *call)
{
	size_t length;
	int64_t place;
	void *line;

	if (!call_range(call, 0, "place", -1, CALL_SAFE_INTEGER, &place) ||
	    !call_array(call, 1, "line", napi_uint8_array, CMDLINE_MOST, &line, &length))
		return call->answer;
	pthread_mutex_lock(&lock);
	length = cmdline_copy((double)place, line);
	pthread_mutex_unlock(&lock);
	return call_number(call, (double)length);
}

static int
connector_close(struct call *call)
{
	struct listener *listener = listening(call->state);
	int bell;

	if (listener == NULL)
		return -1;
	bell = listener->fifo->bell;
	listener_leave(listener);
	return env_close(call->state, bell);
}

const struct call_entry connector_calls[] = {
	CALL_RESULT("connectorOpen", connector_open, "given"),
	CALL_RESULT("connectorHandOver", connector_hand_over, NULL),
	CALL_ANSWER("connectorRead", connector_read, NULL),
	CALL_ANSWER("connectorCmdline", connector_cmdline, NULL),
	CALL_RESULT("connectorClose", connector_close, NULL),
	CALL_NUMBER(EVENT_RECORD),
	CALL_NUMBER(EVENT_WHAT),
	CALL_NUMBER(EVENT_TIME),
	CALL_NUMBER(EVENT_PID),
	CALL_NUMBER(EVENT_TGID),
	CALL_NUMBER(EVENT_VALUE),
	CALL_NUMBER(EVENT_NAME),
	CALL_NUMBER(EVENT_NAME_SIZE),
	CALL_NUMBER(EVENT_LOST),
	CALL_NUMBER(EVENT_FORK),
	CALL_NUMBER(EVENT_EXEC),
	CALL_NUMBER(EVENT_EXIT),
	CALL_NUMBER(CMDLINE_MOST),
	CALL_END,
};
