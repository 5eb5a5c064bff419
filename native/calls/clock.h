/* The two clocks: clock_gettime(2), see clock.c. */
#ifndef KQUEUE_CLOCK_H
#define KQUEUE_CLOCK_H

/* Sets the zero of the monotonic clock, once a process. */
void clock_begin(void);

#endif
