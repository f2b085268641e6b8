/* SPDX-License-Identifier: ISC */
#include "mail/timer.h"

#include <stdlib.h>

#include <event2/event.h>

#include "util/alloc.h"

struct timer {
	struct event *event; /* owned */
	timer_fn fn;
	void *context;
};

static void
on_timeout(evutil_socket_t fd, short what, void *context)
{
	struct timer *timer = context;

	(void)fd;
	(void)what;
	timer->fn(timer->context);
}

struct timer *
timer_new(struct event_base *base, timer_fn fn, void *context)
{
	struct timer *timer = alloc_zero(sizeof *timer);

	timer->fn = fn;
	timer->context = context;
	timer->event = event_new(base, -1, 0, on_timeout, timer);
	return timer;
}

void
timer_free(struct timer *timer)
{
	if (!timer)
		return;
	event_free(timer->event);
	free(timer);
}

void
timer_start(struct timer *timer, int64_t delay_ms)
{
	struct timeval delay = { .tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000 };

	event_add(timer->event, &delay);
}

void
timer_stop(struct timer *timer)
{
	event_del(timer->event);
}

bool
timer_is_running(const struct timer *timer)
{
	return event_pending(timer->event, EV_TIMEOUT, NULL);
}
