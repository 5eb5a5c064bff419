/*
 * The copies of the addon that are loaded into this process, such as those of two packages that
 * each bring their own. What is the process's has one owner among them: the first one loaded.
 */
#ifndef KQUEUE_COPIES_H
#define KQUEUE_COPIES_H

struct signal_floor;

/* The signals of the process, as the first copy keeps them. Hot after the first call. */
const struct signal_floor *copies_floor(void);

#endif
