/* SPDX-License-Identifier: ISC */
/*
 * listener: the listen sockets of one service.
 */
#ifndef MASTER_LISTENER_H
#define MASTER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct master_settings;
struct mastercf_entry;

struct listener {
	int *fds; /* owned; non-blocking, close-on-exec */
	size_t count;
	bool strangers; /* strangers can connect: an address that is not loopback, or type pass */
};

/* In the queue directory. -1: nothing is open. A socket file left by an earlier run is replaced. */
int listener_open(struct listener *listener, const struct mastercf_entry *entry,
    const struct master_settings *settings, struct err *err) __attribute__((warn_unused_result));
void listener_release(struct listener *listener);

#endif
