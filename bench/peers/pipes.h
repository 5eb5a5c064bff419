/*
 * The pipes of the rows about descriptors, and what happens to them, and a signal: the same code for
 * every contestant. C peers include it, and ours has it as an addon (pipes.c).
 */
#ifndef PIPES_H
#define PIPES_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

enum { MOST_PIPES = 9000 };

static int pipe_reader[MOST_PIPES], pipe_writer[MOST_PIPES];
static int pipes_open;
/* Where the pipes begin that the last turn has written to, and how many they are. */
static int turn_from, turn_count;

static inline void close_pipes(void)
{
	for (int i = 0; i < pipes_open; i++) {
		close(pipe_reader[i]);
		close(pipe_writer[i]);
	}
	pipes_open = 0;
}

/* Opens `count` pipes, with a byte waiting in the first `ready` of them: 0 or an errno. */
static inline int open_pipes(int count, int ready)
{
	int ends[2];

	turn_from = turn_count = 0;
	for (int i = 0; i < count; i++) {
		if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
			int error = errno;

			close_pipes();
			return error;
		}
		pipe_reader[i] = ends[0];
		pipe_writer[i] = ends[1];
		pipes_open = i + 1;
		if (i < ready && write(ends[1], "", 1) != 1)
			return EIO;
	}
	return 0;
}

/*
 * Reads what the last turn has written, and writes a byte to each of the next `count` pipes:
 * 0, or an errno.
 */
static inline int turn(int count)
{
	char byte;

	for (int i = 0; i < turn_count; i++)
		if (read(pipe_reader[(turn_from + i) % pipes_open], &byte, 1) != 1)
			return EIO;
	turn_from = (turn_from + turn_count) % pipes_open;
	turn_count = count;
	for (int i = 0; i < count; i++)
		if (write(pipe_writer[(turn_from + i) % pipes_open], "", 1) != 1)
			return EIO;
	return 0;
}

/* What the row about signals sends. */
static inline int signal_self(void)
{
	return kill(getpid(), SIGUSR2) == 0 ? 0 : errno;
}

#endif
