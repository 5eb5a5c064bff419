/* What is on the board: records of readiness, with the level behind them, see levels.c, and a file. */
#ifndef KQUEUE_LEVELS_H
#define KQUEUE_LEVELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "glue/env.h"

/* The layout of a record and its special values. */
enum record_field {
	REC_FD,
	REC_GENERATION,
	REC_EVENTS,
	REC_COUNT,
	REC_ERROR,
	REC_DRAINS,
	RECORD
};

/* In REC_GENERATION: it need not be proved at each visit that the number is that file. */
#define TRUSTED 0x40000000

/* In REC_DRAINS: whether a count of 0 says that there is nothing, where that was found out. */
#define DRAINS_YES 1
#define DRAINS_NO 2

/* What a file is, as doubles. */
enum stat_field {
	STAT_MODE,
	STAT_DEV,
	STAT_INO_HIGH,
	STAT_INO_LOW,
	STAT_SIZE,
	STAT_BIRTH,
	STAT_BIRTH_NSEC,
	STAT_LINKS,
	STAT_UID,
	STAT_GID,
	STAT_MODIFIED,
	STAT_MODIFIED_NSEC,
	STAT_CHANGED,
	STAT_CHANGED_NSEC,
	STAT_FIELDS
};

/* Where that is on the board, and where the board ends. */
#define BOARD_STAT (BOARD_RECORDS + 2 * ENV_BATCH * RECORD)
#define BOARD_LENGTH (BOARD_STAT + 2 * STAT_FIELDS)

_Static_assert(BOARD_STAT % 2 == 0, "doubles are aligned");

#define REC_STALE 0x10000
#define COUNT_UNKNOWN (-1)
#define COUNT_UNASKED (-2)

/* The datum under which a file is registered in an epoll set. */
uint64_t level_datum(int fd, uint32_t generation);

/* An option of a socket, SO_TYPE and the like; -1 of what is no socket. */
int level_socket_option(int fd, int option);

/* Whether a number still is the file that was registered under it. */
bool level_is_registered(int epfd, int fd, uint32_t events, uint32_t generation);

/* Connections that wait on the listening Unix domain socket `fd`; -1 when the kernel won't say. */
int sockdiag_unix_pending(struct env_state *state, int fd);

/* Completes a record of the read side whose REC_EVENTS are current. */
void level_ask_read(struct env_state *state, int epfd, int32_t *record);

/*
 * What is ready in an epoll instance, as records on the board with the levels of the first few:
 * how many, or a negative errno.
 */
int level_look(struct env_state *state, int epfd);

/* The questions on the board, and how many: NULL with errno for more than there is room for. */
int32_t *level_questions(const struct env_state *state, size_t *n);

/* Answers the questions about levels: 0, or -1 with errno. */
int level_ask_board(struct env_state *state);

#endif
