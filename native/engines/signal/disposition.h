/*
 * The dispositions of signals, which are the process's: sigaction(2). A signal is
 * taken while somebody watches it: its deliveries are counted and then passed on
 * to whatever was there. The caller holds the lock of signal.c.
 */
#ifndef KQUEUE_DISPOSITION_H
#define KQUEUE_DISPOSITION_H

/* 0, or -1 with errno: EINVAL for a signal that nobody may catch. */
int disposition_take(int number);
/* Puts back what would be there had the signal not been taken. */
void disposition_give_back(int number);

/* Takes a signal again that somebody else has taken meanwhile. */
void disposition_check(int number);
/* libuv is about to watch a signal for somebody; without libuv, the runtime has begun or ended to. */
void disposition_expect(int number);

#endif
