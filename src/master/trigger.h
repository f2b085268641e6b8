/* SPDX-License-Identifier: ISC */
/*
 * trigger: wakes a service by connecting to it like a client, writing "W" and a zero byte, and waiting for it
 * to close. A pass service is passed a pipe that holds these two bytes.
 */
#ifndef MASTER_TRIGGER_H
#define MASTER_TRIGGER_H

struct err;
struct event_base;
struct listener;
struct mastercf_entry;

/* Starts; what follows takes care of itself, failures included, which are logged. -1: could not start. */
int trigger_send(struct event_base *base, const struct mastercf_entry *entry, const struct listener *listener,
    struct err *err) __attribute__((warn_unused_result));

#endif
