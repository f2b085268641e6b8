/* SPDX-License-Identifier: ISC */
/*
 * fake_timer: in place of mail/timer: timers that go off when the test says so.
 */
#ifndef TESTS_FAKE_TIMER_H
#define TESTS_FAKE_TIMER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "mail/timer.h"
#include "util/alloc.h"

struct timer {
	timer_fn fn;
	void *context;
	bool running;
	int64_t delay_ms; /* as last started */
	struct timer *older;
};

static struct timer *fake_timers; /* the newest first */

struct timer *
timer_new(struct event_base *base, timer_fn fn, void *context)
{
	struct timer *timer = alloc_zero(sizeof *timer);

	(void)base;
	timer->fn = fn;
	timer->context = context;
	timer->older = fake_timers;
	fake_timers = timer;
	return timer;
}

void
timer_free(struct timer *timer)
{
	struct timer **at = &fake_timers;

	if (!timer)
		return;
	while (*at != timer)
		at = &(*at)->older;
	*at = timer->older;
	free(timer);
}

void
timer_start(struct timer *timer, int64_t delay_ms)
{
	timer->running = true;
	timer->delay_ms = delay_ms;
}

void
timer_stop(struct timer *timer)
{
	timer->running = false;
}

bool
timer_is_running(const struct timer *timer)
{
	return timer->running;
}

/* The one that was made as number `index`, of those there are. */
static inline struct timer *
fake_timer(int index)
{
	int count = 0;

	for (struct timer *timer = fake_timers; timer; timer = timer->older)
		count++;
	struct timer *timer = fake_timers;
	while (--count > index)
		timer = timer->older;
	return timer;
}

/* Its time has come. */
static inline void
fake_timer_fire(struct timer *timer)
{
	timer->running = false;
	timer->fn(timer->context);
}

#endif
