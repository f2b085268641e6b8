/* SPDX-License-Identifier: ISC */
/*
 * service_watchdog: ends a process whose event loop has stopped turning.
 *
 * An alarm rings every third of the limit and a timer of the event loop answers it. The
 * third alarm without an answer is fatal. One a process.
 */
#ifndef MAIL_SERVICE_WATCHDOG_H
#define MAIL_SERVICE_WATCHDOG_H

struct event_base;

/* The limit is at least 3 seconds. Alarms do not survive fork(): a child calls service_watchdog_alarm(). */
void service_watchdog_start(struct event_base *base, int limit_s);
void service_watchdog_alarm(void);

#endif
