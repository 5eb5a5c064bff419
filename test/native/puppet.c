/*
 * A process that does as it is told: puppet DIRECTORY.
 *
 * It reads commands from a fifo in the directory, which has its pid as name, and
 * answers with a line on descriptor 3, which all puppets of a directory share:
 *
 *	(start)	its pid
 *	f N	forks: the child answers with its pid, which is N if that is not 0;
 *		without a child the answer is 0
 *	w N	waits for its child with pid N, and answers with that
 *	t	starts a thread, which answers with its number
 *	x	executes itself: answers with its pid again
 *	X	the same by another thread
 *	e N	exits with status N, without an answer
 *	p N	its first thread ends, another one exits with status N
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fork_as.h"

#define ANSWERS 3
/* Nobody is left behind by a test that fails. */
#define SECONDS_TO_LIVE 120

static const char *program, *directory;

static void
answer(long number)
{
	char line[32];
	int length = snprintf(line, sizeof(line), "%ld\n", number);

	if (write(ANSWERS, line, (size_t)length) != length)
		_exit(1);
}

static FILE *
begin(void)
{
	char path[4096];
	FILE *commands;

	alarm(SECONDS_TO_LIVE);
	snprintf(path, sizeof(path), "%s/%d", directory, (int)getpid());
	mkfifo(path, 0600);
	/* Open for both, or it would end when a writer goes. */
	commands = fopen(path, "r+e");
	if (commands == NULL)
		_exit(1);
	answer(getpid());
	return commands;
}

static void *
execute(void *unused)
{
	(void)unused;
	execl(program, program, directory, (char *)NULL);
	_exit(1);
}

static _Noreturn void *
sleep_long(void *unused)
{
	(void)unused;
	answer(syscall(SYS_gettid));
	for (;;)
		pause();
}

static void *
exit_later(void *status)
{
	usleep(20000);
	_exit(*(int *)status);
}

static void
start_thread(void *(*run)(void *), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, argument) != 0)
		_exit(1);
}

static FILE *
obey(FILE *commands, const char *command)
{
	static int status;
	int pid;

	status = atoi(command + 1);
	switch (command[0]) {
	case 'f':
		pid = status == 0 ? fork() : fork_as(status);
		if (pid < 0)
			answer(0);
		if (pid != 0)
			return commands;
		fclose(commands);
		return begin();
	case 'w':
		answer(waitpid(status, NULL, 0));
		return commands;
	case 't':
		start_thread(sleep_long, NULL);
		return commands;
	case 'x':
		execute(NULL);
		return commands;
	case 'X':
		start_thread(execute, NULL);
		for (;;)
			pause();
	case 'p':
		start_thread(exit_later, &status);
		pthread_exit(NULL);
	default:
		_exit(status);
	}
}

int
main(int argc, char **argv)
{
	char command[64];
	FILE *commands;

	if (argc != 2)
		return 1;
	program = argv[0];
	directory = argv[1];
	commands = begin();
	while (fgets(command, sizeof(command), commands) != NULL)
		commands = obey(commands, command);
	return 0;
}
