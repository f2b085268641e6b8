/* SPDX-License-Identifier: ISC */
/*
 * mgr_request: what tlsmgr does for its clients: one list in, one list out.
 */
#ifndef TLSMGR_MGR_REQUEST_H
#define TLSMGR_MGR_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct scache;
struct statistics;
struct ticketkeys;

enum { MGR_REQUEST_CACHES = 3 };

struct mgr_request_env {
	const char *stream; /* name for the log; borrowed */
	struct scache *caches[MGR_REQUEST_CACHES];
	struct ticketkeys *keys;
	struct statistics *statistics; /* borrowed */
};

/*
 * Carries out the request in `list`, which is complete or ended at end of file, appends the reply and counts
 * it. False: it does not begin as a request does; the reply says so, and what has come behind it is not to be
 * trusted.
 */
bool mgr_request_handle(const struct mgr_request_env *env, const void *list, size_t len, struct buf *reply);

#endif
