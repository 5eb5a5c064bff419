/*
 * A directory of a tree that is watched: in one crossing it is opened below the root, watched
 * by inotify(7), and then read with getdents64(2), so that no entry comes in between unseen,
 * and watch and names are of the same directory whatever is renamed meanwhile.
 */
#include "calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum request_field {
	TREE_REQUEST_INOTIFY,
	TREE_REQUEST_ROOT,
	TREE_REQUEST_PATH,
	TREE_REQUEST_MASK,
	/* TREE_FOLLOW, TREE_LIST */
	TREE_REQUEST_OPTIONS,
	/* Entries changed since then are marked, seconds since 1970. */
	TREE_REQUEST_SINCE,
	/* The answer: the watch. */
	TREE_REQUEST_WATCH,
	TREE_REQUEST_FIELDS
};

/* Symbolic links to directories are directories. */
#define TREE_FOLLOW 1
/* The names are asked for. */
#define TREE_LIST 2

/* Before each name: what it is, and its length. */
#define TREE_DIRECTORY 1
#define TREE_RECENT 2

/* What the kernel takes in one path. */
#define PATH_ROOM (PATH_MAX - 1)

struct listing {
	int fd;
	unsigned options;
	double since;
	uint8_t *names;
	size_t length;
	size_t room;
};

/* Opens a directory below `root`, by as many steps as a long path takes. */
static int
open_below(int root, char *path, size_t length, int flags)
{
	int at = root;

	while (length > PATH_ROOM) {
		size_t cut = PATH_ROOM;
		int next;

		while (cut > 0 && path[cut] != '/')
			cut--;
		path[cut] = '\0';
		next = openat(at, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (at != root)
			close(at);
		if (next < 0)
			return -1;
		at = next;
		path += cut + 1;
		length -= cut + 1;
	}
	int fd = openat(at, length == 0 ? "." : path, flags);
	if (at != root)
		(void)close_quietly(at);
	return fd;
}

/* What an entry is: TREE_*. */
static uint8_t
kind_of(const struct listing *listing, const char *name, unsigned char type)
{
	bool follow = (listing->options & TREE_FOLLOW) != 0;
	bool known = type != DT_UNKNOWN && !(type == DT_LNK && follow);
	uint8_t kind = type == DT_DIR ? TREE_DIRECTORY : 0;
	struct stat st;

	if (!known && fstatat(listing->fd, name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0)
		kind = S_ISDIR(st.st_mode) ? TREE_DIRECTORY : 0;
	if (listing->since > 0 && kind == 0 &&
	    fstatat(listing->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (double)st.st_ctim.tv_sec + (double)st.st_ctim.tv_nsec / 1e9 >= listing->since)
		kind |= TREE_RECENT;
	return kind;
}

static bool
is_dots(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* Puts an entry behind the others; false when there is no room. */
static bool
put(struct listing *listing, const char *name, unsigned char type)
{
	size_t length = strlen(name);

	/* Names of other file systems may be longer than what inotify can tell of. */
	if (is_dots(name) || length > UINT8_MAX)
		return true;
	if (listing->room - listing->length < length + 2)
		return false;
	listing->names[listing->length++] = kind_of(listing, name, type);
	listing->names[listing->length++] = (uint8_t)length;
	memcpy(listing->names + listing->length, name, length);
	listing->length += length;
	return true;
}

/* Where files have 64 bits, the C libraries declare what the kernel fills in; musl knows no dirent64. */
_Static_assert(offsetof(struct dirent, d_reclen) == 16 && offsetof(struct dirent, d_type) == 18 &&
		   offsetof(struct dirent, d_name) == 19,
	"struct linux_dirent64");

/* 0, or -1 with errno: ENOBUFS when there is no room. */
static int
list(struct listing *listing)
{
	_Alignas(struct dirent) char chunk[32768];

	for (;;) {
		long count = syscall(SYS_getdents64, listing->fd, chunk, sizeof(chunk));

		if (count <= 0)
			return (int)count;
		for (long at = 0; at < count;) {
			const struct dirent *entry = (const struct dirent *)(chunk + at);

			if (!put(listing, entry->d_name, entry->d_type)) {
				errno = ENOBUFS;
				return -1;
			}
			at += entry->d_reclen;
		}
	}
}

static int
watch(int inotify_fd, int fd, uint32_t mask)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return inotify_add_watch(inotify_fd, path, mask);
}

/* The path is in `buffer`, where the names come: their length in bytes, or -1 with errno. */
static int
tree_read(double *request, uint8_t *buffer, size_t room)
{
	struct listing listing = { .options = (unsigned)request[TREE_REQUEST_OPTIONS],
	    .since = request[TREE_REQUEST_SINCE], .names = buffer, .room = room };
	int nofollow = listing.options & TREE_FOLLOW ? 0 : O_NOFOLLOW;
	int wd, result = 0;

	listing.fd = open_below((int)request[TREE_REQUEST_ROOT], (char *)buffer,
	    (size_t)request[TREE_REQUEST_PATH],
	    O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC | nofollow);
	if (listing.fd < 0)
		return -1;
	wd = watch((int)request[TREE_REQUEST_INOTIFY], listing.fd, (uint32_t)request[TREE_REQUEST_MASK]);
	request[TREE_REQUEST_WATCH] = wd;
	if (wd < 0 || ((listing.options & TREE_LIST) && list(&listing) < 0))
		result = -1;
	(void)close_quietly(listing.fd);
	return result < 0 ? -1 : (int)listing.length;
}

static napi_value
read_tree(struct call *call)
{
	void *request, *buffer;
	size_t fields, room;
	double length;

	if (!call_array(call, 0, "request", napi_float64_array, TREE_REQUEST_FIELDS, &request, &fields) ||
	    !call_array(call, 1, "buffer", napi_uint8_array, 1, &buffer, &room))
		return call->answer;
	length = ((double *)request)[TREE_REQUEST_PATH];
	/* The path ends with a zero. */
	if (!(length >= 0 && length < (double)room) || room > INT_MAX ||
	    ((uint8_t *)buffer)[(size_t)length] != '\0')
		return call_number(call, -EINVAL);
	return call_result(call, tree_read(request, buffer, room));
}

const struct call_entry tree_calls[] = {
	CALL_ANSWER("treeRead", read_tree, NULL),
	CALL_NUMBER(TREE_REQUEST_INOTIFY),
	CALL_NUMBER(TREE_REQUEST_ROOT),
	CALL_NUMBER(TREE_REQUEST_PATH),
	CALL_NUMBER(TREE_REQUEST_MASK),
	CALL_NUMBER(TREE_REQUEST_OPTIONS),
	CALL_NUMBER(TREE_REQUEST_SINCE),
	CALL_NUMBER(TREE_REQUEST_WATCH),
	CALL_NUMBER(TREE_REQUEST_FIELDS),
	CALL_NUMBER(TREE_FOLLOW),
	CALL_NUMBER(TREE_LIST),
	CALL_NUMBER(TREE_DIRECTORY),
	CALL_NUMBER(TREE_RECENT),
	CALL_END,
};
