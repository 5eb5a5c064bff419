/*
 * The other processes for our side, see others.h:
 *
 *	others writer		told on standard input, writes to the pipes from FIRST_PIPE on
 *	others sleepers N	prints their pids, and ends them when standard input ends
 */
#include <string.h>

#include "others.h"

enum { FIRST_PIPE = 3 };

static int sleepers(int count)
{
	char byte;

	if (count < 1 || count > MOST_PROCESSES || open_processes(count) != 0) {
		perror("others");
		return 1;
	}
	for (int i = 0; i < count; i++)
		printf("%d\n", (int)process[i]);
	fflush(stdout);
	while (read(0, &byte, 1) == 1)
		continue;
	close_processes();
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "sleepers") == 0)
		return sleepers(atoi(argv[2]));
	if (argc != 2 || strcmp(argv[1], "writer") != 0)
		return 2;
	/* That nobody reads any more is an answer of write. */
	signal(SIGPIPE, SIG_IGN);
	write_times(0, FIRST_PIPE);
	return 0;
}
