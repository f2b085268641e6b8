/* SPDX-License-Identifier: ISC */
/*
 * sweep: has a cache tended between requests, a little at a time.
 *
 * However much there is to do, it takes less than a tenth of a busy process's time, a quarter of an idle
 * one's. Once per timeout of the cache the log says that a cleanup starts, if the cache logs at all; what has
 * expired goes when it has.
 */
#ifndef TLSMGR_SWEEP_H
#define TLSMGR_SWEEP_H

struct event_base;
struct scache;
struct sweep;

/* Borrows `cache`, which must be enabled. Starts from the event loop. Freed by the caller, before the cache.
 */
struct sweep *sweep_new(struct event_base *base, struct scache *cache);
void sweep_free(struct sweep *sweep);

#endif
