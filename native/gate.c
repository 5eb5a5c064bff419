/*
 * kq-gate FD[,NAME=VALUE] COMMAND...: a process that is still nobody. It waits until it is
 * told on FD to go, and then executes the command; so whoever started it can watch the
 * process before it does anything. Who starts it and goes away ends it.
 *
 * Words and environment are taken as the parent was given them, because on the way
 * through JavaScript bytes that are no UTF-8 are lost: the command is the end of the
 * parent's own. NAME is set in its environment. When the command cannot be executed, its errno is written to FD.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CANNOT_EXECUTE 126
#define NOT_FOUND 127

extern char **environ;

/* Strings of a file in /proc, one after the other, each with its NUL. */
struct strings {
	char *text;
	size_t length;
};

/* Reads /proc/PID/name: 0, or -1 when it cannot be had whole. */
static int
strings_read(struct strings *strings, pid_t pid, const char *name)
{
	char path[64];
	size_t room = 65536;
	ssize_t got = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	strings->length = 0;
	strings->text = malloc(room);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && strings->text != NULL) {
		got = read(fd, strings->text + strings->length, room - strings->length);
		if (got <= 0)
			break;
		strings->length += (size_t)got;
		if (strings->length == room) {
			char *grown = realloc(strings->text, room *= 2);

			if (grown == NULL)
				free(strings->text);
			strings->text = grown;
		}
	}
	if (fd >= 0)
		close(fd);
	return fd >= 0 && got == 0 && strings->text != NULL ? 0 : -1;
}

static size_t
strings_count(const struct strings *strings)
{
	size_t count = 0;

	for (size_t at = 0; at < strings->length; at++)
		count += strings->text[at] == '\0';
	return count;
}

/* The last `most` strings as an array with NULL at its end; NULL when there are fewer. */
static char **
strings_last(const struct strings *strings, size_t most)
{
	size_t count = strings_count(strings), skipped;
	char **array, *next = strings->text;

	if (count < most || strings->text[strings->length - 1] != '\0')
		return NULL;
	array = calloc(most + 1, sizeof(*array));
	if (array == NULL)
		return NULL;
	for (skipped = count - most; skipped > 0; skipped--)
		next += strlen(next) + 1;
	for (size_t i = 0; i < most; i++) {
		array[i] = next;
		next += strlen(next) + 1;
	}
	return array;
}

/* Whether these can be the words that became `words` in JavaScript: U+FFFD stands for bytes. */
static bool
same_words(char **raw, char **words)
{
	for (; *words != NULL; raw++, words++)
		if (strcmp(*raw, *words) != 0 && strstr(*words, "\xef\xbf\xbd") == NULL)
			return false;
	return true;
}

int
main(int argc, char **argv)
{
	struct strings words, variables;
	char **command, **given, *variable;
	pid_t parent = getppid();
	int fd, error;
	char go;

	if (argc < 3) {
		fprintf(stderr, "kq-gate is a part of kq trace\n");
		return CANNOT_EXECUTE;
	}
	fd = atoi(argv[1]);
	command = argv + 2;
	if (strings_read(&words, parent, "cmdline") == 0 && words.length > 0) {
		given = strings_last(&words, (size_t)argc - 2);
		if (given != NULL && same_words(given, command))
			command = given;
	}
	if (strings_read(&variables, parent, "environ") == 0 && variables.length > 0) {
		given = strings_last(&variables, strings_count(&variables));
		if (given != NULL)
			environ = given;
	}
	variable = strchr(argv[1], ',');
	if (variable != NULL && putenv(variable + 1) != 0)
		return CANNOT_EXECUTE;
	if (read(fd, &go, 1) != 1)
		return CANNOT_EXECUTE;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	execvp(command[0], command);
	error = errno;
	dprintf(fd, "%d", error);
	return error == ENOENT ? NOT_FOUND : CANNOT_EXECUTE;
}
