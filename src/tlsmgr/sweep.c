/* SPDX-License-Identifier: ISC */
#include "tlsmgr/sweep.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "mail/timer.h"
#include "tlsmgr/scache.h"
#include "util/alloc.h"
#include "util/log.h"

enum {
	BUDGET_US = 1000,             /* for one wake-up; what has begun is finished */
	LONGEST_WORK_US = 1000000,    /* that counts: a disk may have kept it waiting */
	LONGEST_PERIOD_S = 24 * 3600, /* what a timer can hold is less than the longest timeout */
};

/* How many times as long as the work the pause behind it is, and how long at least. */
static const struct {
	int factor, least_ms;
} rest[] = {
	[false] = { 3, 1 }, [true] = { 24, 10 }, /* requests take much of the time */
};

struct sweep {
	struct scache *cache;   /* borrowed */
	struct timer *tick;     /* owned */
	struct timer *step;     /* owned */
	int64_t end_us, cpu_us; /* clock and processor time when the last step ended */
};

/* Not of the clock that tests set: a time budget is about real time. */
static int64_t
now_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* True if the process has been at work for more than a quarter of the time since the last step. */
static bool
is_busy(const struct sweep *sweep, int64_t start_us)
{
	return (now_us(CLOCK_PROCESS_CPUTIME_ID) - sweep->cpu_us) * 4 > start_us - sweep->end_us;
}

static int
pause_ms(int64_t spent_us, bool busy)
{
	if (spent_us > LONGEST_WORK_US)
		spent_us = LONGEST_WORK_US;
	int ms = (int)(spent_us * rest[busy].factor / 1000);
	return ms > rest[busy].least_ms ? ms : rest[busy].least_ms;
}

static void
on_step(void *context)
{
	struct sweep *sweep = context;
	int64_t start_us = now_us(CLOCK_MONOTONIC);
	bool busy = is_busy(sweep, start_us);
	int wait_ms;

	do {
		wait_ms = scache_tend(sweep->cache);
		sweep->end_us = now_us(CLOCK_MONOTONIC);
	} while (wait_ms == 0 && sweep->end_us - start_us < BUDGET_US);
	if (wait_ms < 0)
		return;
	sweep->cpu_us = now_us(CLOCK_PROCESS_CPUTIME_ID);
	int rest_ms = pause_ms(sweep->end_us - start_us, busy);
	timer_start(sweep->step, wait_ms > rest_ms ? wait_ms : rest_ms);
}

static void
on_tick(void *context)
{
	struct sweep *sweep = context;
	int period_s = scache_timeout_s(sweep->cache);

	if (period_s > LONGEST_PERIOD_S)
		period_s = LONGEST_PERIOD_S;
	timer_start(sweep->tick, (int64_t)period_s * 1000);
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
