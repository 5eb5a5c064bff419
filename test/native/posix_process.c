/*
 * Children that Node does not know of, descriptors for processes, and what a process
 * may not do.
 */
#include "posix.h"

#include <fcntl.h>
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "fork_as.h"

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

/* The same, and the child has the pid that is wanted. */
static int
start_as(char *path, char *argument, int fd, pid_t wanted)
{
	char *arguments[] = { path, argument, NULL };
	pid_t pid = fork_as(wanted);
	int null;

	if (pid != 0)
		return pid;
	null = open("/dev/null", O_RDONLY);
	dup2(fd, 3);
	dup2(null, STDIN_FILENO);
	execve(path, arguments, environ);
	_exit(127);
}

POSIX_CALL(js_spawn)
{
	char path[POSIX_STRING], argument[POSIX_STRING];
	int fd, wanted;

	if (!posix_string(call, 0, path) || !posix_string(call, 1, argument) ||
	    !posix_int(call, 2, &fd) || !posix_int(call, 3, &wanted))
		return NULL;
	return posix_result(call, wanted == 0 ? start(path, argument, fd) :
	    start_as(path, argument, fd, wanted));
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

/* From now on a system call fails in this thread, and in those that it starts. */
static int
forbid(int number, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

POSIX_CALL(js_forbid)
{
	int number, error;

	if (!posix_int(call, 0, &number) || !posix_int(call, 1, &error))
		return NULL;
	return posix_result(call, forbid(number, error));
}

POSIX_CALL(js_sethostname)
{
	char name[POSIX_STRING];

	if (!posix_string(call, 0, name))
		return NULL;
	return posix_result(call, sethostname(name, strlen(name)));
}

const struct posix_entry posix_process[] = {
	{ "spawn", js_spawn },
	{ "waitpid", js_waitpid },
	{ "pidfdOpen", js_pidfd_open },
	{ "forbid", js_forbid },
	{ "sethostname", js_sethostname },
	{ NULL, NULL },
};
