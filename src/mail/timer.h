/* SPDX-License-Identifier: ISC */
/*
 * timer: one call, some milliseconds from now, from the event loop.
 */
#ifndef MAIL_TIMER_H
#define MAIL_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct timer;

typedef void (*timer_fn)(void *context);

/* Not running yet. Freed by the caller, also from inside its function. */
struct timer *timer_new(struct event_base *base, timer_fn fn, void *context);
void timer_free(struct timer *timer);

/* Starts it, anew if it runs. */
void timer_start(struct timer *timer, int64_t delay_ms);
void timer_stop(struct timer *timer);
bool timer_is_running(const struct timer *timer);

#endif
