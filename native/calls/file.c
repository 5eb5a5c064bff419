/*
 * What a descriptor names, statx(2) or fstat(2), statfs(2), lseek(2) and fcntl(2), and the end of the
 * addon's own descriptors, close(2). Descriptors of others are never closed, see owned.c.
 */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "levels.h"

/* Headers older than the call lack its number. */
#ifndef SYS_statx
#ifdef __x86_64__
#define SYS_statx 332
#else
#define SYS_statx 291
#endif
#endif

/* STATX_BASIC_STATS and STATX_BTIME. */
#define WHAT_IS_ASKED 0xfffu

struct instant {
	int64_t sec;
	uint32_t nsec;
	int32_t unused;
};

/* struct statx of the kernel: not all C libraries have one, and the header of Linux does not go with theirs. */
struct extended {
	uint32_t mask;
	uint32_t blksize;
	uint64_t attributes;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint16_t mode;
	uint16_t unused;
	uint64_t ino;
	uint64_t size;
	uint64_t blocks;
	uint64_t attributes_mask;
	struct instant atime;
	struct instant btime;
	struct instant ctime;
	struct instant mtime;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint64_t rest[14];
};

_Static_assert(sizeof(struct extended) == 256, "struct statx");

static void
fill_extended(double *fields, const struct extended *status)
{
	fields[STAT_MODE] = status->mode;
	fields[STAT_DEV] = (double)makedev(status->dev_major, status->dev_minor);
	fields[STAT_INO_HIGH] = (double)(status->ino >> 32);
	fields[STAT_INO_LOW] = (double)(status->ino & UINT32_MAX);
	fields[STAT_SIZE] = (double)status->size;
	/* Both 0 where the file system does not keep it. */
	fields[STAT_BIRTH] = (double)status->btime.sec;
	fields[STAT_BIRTH_NSEC] = status->btime.nsec;
	fields[STAT_LINKS] = status->nlink;
	fields[STAT_UID] = status->uid;
	fields[STAT_GID] = status->gid;
	fields[STAT_MODIFIED] = (double)status->mtime.sec;
	fields[STAT_MODIFIED_NSEC] = status->mtime.nsec;
	fields[STAT_CHANGED] = (double)status->ctime.sec;
	fields[STAT_CHANGED_NSEC] = status->ctime.nsec;
}

/* fstat(2) does not know when a file was made. */
static void
fill_stat(double *fields, const struct stat *status)
{
	fields[STAT_MODE] = status->st_mode;
	fields[STAT_DEV] = (double)status->st_dev;
	fields[STAT_INO_HIGH] = (double)((uint64_t)status->st_ino >> 32);
	fields[STAT_INO_LOW] = (double)((uint64_t)status->st_ino & UINT32_MAX);
	fields[STAT_SIZE] = (double)status->st_size;
	fields[STAT_BIRTH] = fields[STAT_BIRTH_NSEC] = 0;
	fields[STAT_LINKS] = (double)status->st_nlink;
	fields[STAT_UID] = status->st_uid;
	fields[STAT_GID] = status->st_gid;
	fields[STAT_MODIFIED] = (double)status->st_mtim.tv_sec;
	fields[STAT_MODIFIED_NSEC] = (double)status->st_mtim.tv_nsec;
	fields[STAT_CHANGED] = (double)status->st_ctim.tv_sec;
	fields[STAT_CHANGED_NSEC] = (double)status->st_ctim.tv_nsec;
}

/* Sandboxes that are older than statx(2) refuse it, and kernels before 4.11 have none. */
static int
fill_status(double *fields, int fd)
{
	struct extended extended;
	struct stat plain;

	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, WHAT_IS_ASKED, &extended) == 0) {
		fill_extended(fields, &extended);
		return 0;
	}
	if (errno == EBADF || fstat(fd, &plain) < 0)
		return -1;
	fill_stat(fields, &plain);
	return 0;
}

/* Hot path, and so its arguments and the answer are on the board. */
static napi_value
js_file_stat(napi_env env, napi_callback_info info)
{
	struct call call;
	int32_t *board;

	if (!call_board(&call, env, info))
		return call.answer;
	board = call.state->board;
	return call_result(&call,
	    fill_status((double *)(void *)(board + BOARD_STAT), board[BOARD_FD]));
}

static napi_value
file_offset(struct call *call)
{
	off_t offset = lseek(call->ints[0], 0, SEEK_CUR);

	return call_number(call, offset < 0 ? -errno : (double)offset);
}

static int
file_flags(struct call *call)
{
	return fcntl(call->ints[0], F_GETFL);
}

static napi_value
file_system(struct call *call)
{
	struct statfs status;

	if (fstatfs(call->ints[0], &status) < 0)
		return call_result(call, -1);
	/* 32 bits, which the C library may hold signed. */
	return call_number(call, (uint32_t)status.f_type);
}

/*
 * Waits until nobody is changing the entries of a directory: to look up a name that
 * the kernel does not know already takes the directory's lock, also when the name is
 * too long for there to be one.
 */
static int
directory_barrier(struct call *call)
{
	char name[NAME_MAX + 2];
	struct stat status;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	if (fstatat(call->ints[0], name, &status, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENAMETOOLONG)
		return -1;
	return 0;
}

/* Only the master of a pseudo-terminal has a packet mode to tell of: ioctl_tty(2). */
static int
pty_is_master(struct call *call)
{
	int packets;

	return ioctl(call->ints[0], TIOCGPKT, &packets) == 0;
}

static int
close_own(struct call *call)
{
	return env_close(call->state, call->ints[0]);
}

const struct call_entry file_calls[] = {
	CALL_BOARD("fileStat", js_file_stat),
	CALL_ANSWER("fileOffset", file_offset, "fd"),
	CALL_RESULT("fileFlags", file_flags, "fd"),
	CALL_RESULT("ptyIsMaster", pty_is_master, "fd"),
	CALL_ANSWER("fileSystem", file_system, "fd"),
	CALL_RESULT("directoryBarrier", directory_barrier, "fd"),
	CALL_RESULT("close", close_own, "fd"),
	CALL_NUMBER(O_CLOEXEC),
	CALL_NUMBER(O_PATH),
	CALL_NUMBER(STAT_FIELDS),
	CALL_NUMBER(STAT_MODE),
	CALL_NUMBER(STAT_DEV),
	CALL_NUMBER(STAT_INO_HIGH),
	CALL_NUMBER(STAT_INO_LOW),
	CALL_NUMBER(STAT_SIZE),
	CALL_NUMBER(STAT_BIRTH),
	CALL_NUMBER(STAT_BIRTH_NSEC),
	CALL_NUMBER(STAT_LINKS),
	CALL_NUMBER(STAT_UID),
	CALL_NUMBER(STAT_GID),
	CALL_NUMBER(STAT_MODIFIED),
	CALL_NUMBER(STAT_MODIFIED_NSEC),
	CALL_NUMBER(STAT_CHANGED),
	CALL_NUMBER(STAT_CHANGED_NSEC),
	CALL_END,
};
