/* SPDX-License-Identifier: ISC */
#include "tlsmgr/sweep.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "mail/timer.h"
#include "tlsmgr/scache.h"
#include "util/alloc.h"
#include "util/log.h"

enum {
	BUDGET_US = 1000,          /* for one wake-up; what has begun is finished */
	LONGEST_WORK_US = 1000000, /* that counts: a disk may have kept it waiting */
	PAUSE_MS = 10,
	REST = 12,                    /* the pause is at least so many times as long as the work was */
	LONGEST_PERIOD_S = 24 * 3600, /* what a timer can hold is less than the longest timeout */
};

struct sweep {
	struct scache *cache; /* borrowed */
	struct timer *tick;   /* owned */
	struct timer *step;   /* owned */
};

/* Not of the clock that tests set: a time budget is about real time. */
static int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void
on_step(void *context)
{
	struct sweep *sweep = context;
	int64_t start_us = now_us(), spent_us;
	int wait_ms;

	do {
		wait_ms = scache_tend(sweep->cache);
		spent_us = now_us() - start_us;
	} while (wait_ms == 0 && spent_us < BUDGET_US);
	if (wait_ms < 0)
		return;
	if (spent_us > LONGEST_WORK_US)
		spent_us = LONGEST_WORK_US;
	int pause_ms = (int)(spent_us * REST / 1000);
	if (pause_ms < PAUSE_MS)
		pause_ms = PAUSE_MS;
	timer_start(sweep->step, wait_ms > pause_ms ? wait_ms : pause_ms);
}

static void
on_tick(void *context)
{
	struct sweep *sweep = context;
	int period_s = scache_timeout_s(sweep->cache);

	if (period_s > LONGEST_PERIOD_S)
		period_s = LONGEST_PERIOD_S;
	timer_start(sweep->tick, period_s * 1000);
	if (scache_is_logging(sweep->cache))
		log_info(
		    "tlsmgr_cache_run_event: start TLS %s session cache cleanup", scache_label(sweep->cache));
}

struct sweep *
sweep_new(struct event_base *base, struct scache *cache)
{
	struct sweep *sweep = alloc_zero(sizeof *sweep);

	sweep->cache = cache;
	sweep->tick = timer_new(base, on_tick, sweep);
	sweep->step = timer_new(base, on_step, sweep);
	timer_start(sweep->tick, 0);
	timer_start(sweep->step, 0);
	return sweep;
}

void
sweep_free(struct sweep *sweep)
{
	if (!sweep)
		return;
	timer_free(sweep->step);
	timer_free(sweep->tick);
	free(sweep);
}
