/* SPDX-License-Identifier: ISC */
#include "tlsmgr/sweep.h"

#include <stdlib.h>

#include "mail/timer.h"
#include "tlsmgr/scache.h"
#include "util/alloc.h"
#include "util/log.h"

enum {
	STEPS = 32, /* entries between two looks at the event loop: some milliseconds if all have expired */
	PAUSE_MS = 10,
	LONGEST_PERIOD_S = 24 * 3600, /* what a timer can hold is less than the longest timeout */
};

struct sweep {
	struct scache *cache; /* borrowed */
	struct timer *tick;   /* owned */
	struct timer *step;   /* owned; runs while a walk is under way */
	bool first;
};

static void
on_step(void *context)
{
	struct sweep *sweep = context;

	for (int i = 0; i < STEPS; i++) {
		if (!scache_sweep_step(sweep->cache, sweep->first))
			return;
		sweep->first = false;
	}
	timer_start(sweep->step, PAUSE_MS);
}

static void
on_tick(void *context)
{
	struct sweep *sweep = context;
	int period_s = scache_timeout_s(sweep->cache);

	if (period_s > LONGEST_PERIOD_S)
		period_s = LONGEST_PERIOD_S;
	timer_start(sweep->tick, period_s * 1000);
	if (timer_is_running(sweep->step))
		return;
	if (scache_is_logging(sweep->cache))
		log_info(
		    "tlsmgr_cache_run_event: start TLS %s session cache cleanup", scache_label(sweep->cache));
	sweep->first = true;
	timer_start(sweep->step, 0);
}

struct sweep *
sweep_new(struct event_base *base, struct scache *cache)
{
	struct sweep *sweep = alloc_zero(sizeof *sweep);

	sweep->cache = cache;
	sweep->tick = timer_new(base, on_tick, sweep);
	sweep->step = timer_new(base, on_step, sweep);
	timer_start(sweep->tick, 0);
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

bool
sweep_is_running(const struct sweep *sweep)
{
	return timer_is_running(sweep->step);
}
