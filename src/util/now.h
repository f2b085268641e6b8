/* SPDX-License-Identifier: ISC */
/*
 * now: the time, settable in tests.
 */
#ifndef UTIL_NOW_H
#define UTIL_NOW_H

#include <stdint.h>
#include <time.h>

/* Wall clock, seconds since 1970. */
time_t now_wall(void);

/* A clock that only moves forward, milliseconds. */
int64_t now_ms(void);

/* Tests: fixes both clocks at `wall`; 0 lets them run again. */
void now_set(time_t wall);

#endif
