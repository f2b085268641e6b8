/* SPDX-License-Identifier: ISC */
/*
 * maillog_gather: in a program with an event loop, log lines that come close together go to postlogd
 * together.
 *
 * Each datagram costs postlogd and master more than its line; and of many at once, the socket takes ten. The
 * first line after a pause goes at once, so a quiet program logs as any other; further ones wait for 10 ms at
 * most, for a warning, or for maillog_flush().
 */
#ifndef MAIL_MAILLOG_GATHER_H
#define MAIL_MAILLOG_GATHER_H

struct event_base;

/* From now on, in this process and its forks, which first call event_reinit(). */
void maillog_gather(struct event_base *base);

#endif
