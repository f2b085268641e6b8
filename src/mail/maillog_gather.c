/* SPDX-License-Identifier: ISC */
#include "mail/maillog_gather.h"

#include <stddef.h>

#include "mail/maillog.h"
#include "mail/timer.h"

enum { HOLD_MS = 10 };

static void
on_timer(void *context)
{
	(void)context;
	maillog_flush();
}

static void
on_wait(void *context)
{
	static struct timer *timer;

	if (!timer)
		timer = timer_new(context, on_timer, NULL);
	timer_start(timer, HOLD_MS);
}

void
maillog_gather(struct event_base *base)
{
	maillog_hold(HOLD_MS, on_wait, base);
}
