/* SPDX-License-Identifier: ISC */
/*
 * sweep: walks a cache for expired entries, a little at a time, so that requests are answered meanwhile.
 *
 * A walk starts with the program and then once per timeout of the cache. One that takes longer is not
 * overtaken.
 */
#ifndef TLSMGR_SWEEP_H
#define TLSMGR_SWEEP_H

#include <stdbool.h>

struct event_base;
struct scache;
struct sweep;

/* Borrows `cache`, which must be enabled. Starts from the event loop. Freed by the caller, before the cache.
 */
struct sweep *sweep_new(struct event_base *base, struct scache *cache);
void sweep_free(struct sweep *sweep);

/* True while a walk is under way. */
bool sweep_is_running(const struct sweep *sweep);

#endif
