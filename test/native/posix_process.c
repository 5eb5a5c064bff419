/*
 * Children that Node does not know of, and descriptors for processes.
 */
#include "posix.h"

#include <fcntl.h>
#include <spawn.h>
#include <errno.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

extern char **environ;

/* The child has `fd` as descriptor 3, and nothing to read. */
static int
start(char *path, char *argument, int fd)
{
	char *arguments[] = { path, argument, NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int error;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, fd, 3);
	error = posix_spawn(&pid, path, &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	errno = error;
	return error == 0 ? pid : -1;
}

POSIX_CALL(js_spawn)
{
	char path[POSIX_STRING], argument[POSIX_STRING];
	int fd;

	if (!posix_string(call, 0, path) || !posix_string(call, 1, argument) ||
	    !posix_int(call, 2, &fd))
		return NULL;
	return posix_result(call, start(path, argument, fd));
}

POSIX_CALL(js_waitpid)
{
	int result[2], flags;

	if (!posix_int(call, 0, &result[0]) || !posix_int(call, 1, &flags))
		return NULL;
	result[1] = 0;
	result[0] = waitpid(result[0], &result[1], flags);
	return posix_pair(call, result[0], result);
}

POSIX_CALL(js_pidfd_open)
{
	int pid;

	if (!posix_int(call, 0, &pid))
		return NULL;
	return posix_result(call, syscall(SYS_pidfd_open, pid, 0));
}

const struct posix_entry posix_process[] = {
	{ "spawn", js_spawn },
	{ "waitpid", js_waitpid },
	{ "pidfdOpen", js_pidfd_open },
	{ NULL, NULL },
};
