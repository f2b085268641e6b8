/* SPDX-License-Identifier: ISC */
#include "util/now.h"

static time_t fixed;

time_t
now_wall(void)
{
	return fixed ? fixed : time(NULL);
}

int64_t
now_ms(void)
{
	struct timespec ts;

	if (fixed)
		return (int64_t)fixed * 1000;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
now_set(time_t wall)
{
	fixed = wall;
}
