/*
 * The memory of asynchronous I/O. Memory that is fresh from the system costs more than
 * the copy that it is for, so what has been used is kept for the next request of its size.
 */
#include "aio.h"

#include <errno.h>
#include <stdlib.h>

/* Sizes are powers of two from here on; less is left to malloc(3), and more as well. */
#define SMALLEST ((size_t)512)
#define LARGEST (SMALLEST << (AIO_SIZES - 1))
/* So many bytes are kept in all. */
#define MOST_KEPT ((size_t)4 << 20)
/* What files opened with O_DIRECT ask for at most; they never ask for more than the length. */
#define PAGE ((size_t)4096)

/* What is kept, linked by its first bytes. */
struct aio_spare {
	struct aio_spare *next;
};

/* The smallest size with room for `length`, which is at most LARGEST. */
static int
size_of(size_t length)
{
	int size = 0;

	while ((SMALLEST << size) < length)
		size++;
	return size;
}

void *
aio_buffer_get(struct aio *aio, size_t length)
{
	void *buffer = NULL;
	int size;

	if (length < SMALLEST)
		return malloc(length);
	if (length > LARGEST) {
		errno = posix_memalign(&buffer, PAGE, length);
		return buffer;
	}
	size = size_of(length);
	if (aio->spares[size] != NULL) {
		buffer = aio->spares[size];
		aio->spares[size] = aio->spares[size]->next;
		aio->kept -= SMALLEST << size;
		return buffer;
	}
	length = SMALLEST << size;
	errno = posix_memalign(&buffer, length < PAGE ? length : PAGE, length);
	return buffer;
}

void
aio_buffer_put(struct aio *aio, void *buffer, size_t length)
{
	struct aio_spare *spare = buffer;
	int size;

	if (buffer == NULL || length < SMALLEST || length > LARGEST ||
	    aio->kept + length > MOST_KEPT) {
		free(buffer);
		return;
	}
	size = size_of(length);
	spare->next = aio->spares[size];
	aio->spares[size] = spare;
	aio->kept += SMALLEST << size;
}

void
aio_buffer_free_all(struct aio *aio)
{
	for (int size = 0; size < AIO_SIZES; size++) {
		struct aio_spare *next;

		for (struct aio_spare *spare = aio->spares[size]; spare != NULL; spare = next) {
			next = spare->next;
			free(spare);
		}
	}
}
