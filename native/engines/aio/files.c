/*
 * The files of asynchronous I/O: which of them there can be I/O with, and how they stay
 * open until it is over.
 */
#include "aio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * I/O with files ends by itself; with a pipe or a socket it may go on for ever.
 * FreeBSD calls that unsafe.
 */
int
aio_check_file(struct aio_request *request)
{
	struct stat stat;
	int mode;

	request->flags = fcntl(request->fd, F_GETFL);
	if (request->flags < 0 || fstat(request->fd, &stat) < 0)
		return -1;
	mode = request->flags & O_ACCMODE;
	if (request->flags & O_PATH ||
	    (request->operation == AIO_READ && mode == O_WRONLY) ||
	    (request->operation == AIO_WRITE && mode == O_RDONLY)) {
		errno = EBADF;
		return -1;
	}
	if (!S_ISREG(stat.st_mode) && !S_ISDIR(stat.st_mode) && !S_ISBLK(stat.st_mode)) {
		errno = EOPNOTSUPP;
		return -1;
	}
	request->dev = stat.st_dev;
	request->ino = stat.st_ino;
	return 0;
}

/*
 * Requests for one file share a duplicate. Two openings of it with the same flags are
 * as good as one, since requests say where in the file.
 */
static struct aio_file *
file_find(struct aio *aio, const struct aio_request *request)
{
	for (struct aio_file *file = aio->files; file != NULL; file = file->next) {
		if (file->dev == request->dev && file->ino == request->ino &&
		    file->flags == request->flags)
			return file;
	}
	return NULL;
}

static struct aio_file *
file_open(struct aio *aio, const struct aio_request *request)
{
	struct aio_file *file = calloc(1, sizeof(*file));

	if (file == NULL)
		return NULL;
	file->fd = fcntl(request->fd, F_DUPFD_CLOEXEC, 0);
	if (file->fd < 0) {
		free(file);
		return NULL;
	}
	file->flags = request->flags;
	file->dev = request->dev;
	file->ino = request->ino;
	file->next = aio->files;
	file->link = &aio->files;
	if (file->next != NULL)
		file->next->link = &file->next;
	aio->files = file;
	return file;
}

int
aio_keep_file(struct aio_request *request)
{
	struct aio_file *file;

	if (request->file != NULL)
		return 0;
	file = file_find(request->aio, request);
	if (file == NULL)
		file = file_open(request->aio, request);
	if (file == NULL)
		return -1;
	file->uses++;
	request->file = file;
	request->fd = file->fd;
	return 0;
}

void
aio_release_file(struct aio_request *request)
{
	struct aio_file *file = request->file;

	request->file = NULL;
	if (file == NULL || --file->uses > 0)
		return;
	if (file->next != NULL)
		file->next->link = file->link;
	*file->link = file->next;
	close(file->fd);
	free(file);
}
