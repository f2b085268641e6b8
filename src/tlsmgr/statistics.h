/* SPDX-License-Identifier: ISC */
/*
 * statistics: what this process has done and what it holds, for the reply to a "stats" request.
 *
 * Numbers and words: no ids, no sessions, no keys. The names are in doc/wire.md.
 */
#ifndef TLSMGR_STATISTICS_H
#define TLSMGR_STATISTICS_H

#include <stdint.h>

struct buf;
struct mgr_request_env;

enum statistics_request {
	STATISTICS_SEED,
	STATISTICS_POLICY,
	STATISTICS_LOOKUP,
	STATISTICS_UPDATE,
	STATISTICS_DELETE,
	STATISTICS_TKTKEY,
	STATISTICS_STATS,
	STATISTICS_OTHER, /* unknown, or not to be understood */
	STATISTICS_REQUESTS,
};

enum { STATISTICS_RESULTS = 3 };

struct statistics {
	int64_t started_ms;                /* now_ms() */
	int64_t reseeded_ms, exchanged_ms; /* the last time it worked; 0: never */
	uint64_t clients, clients_ever, timeouts, dropped;
	uint64_t requests[STATISTICS_REQUESTS][STATISTICS_RESULTS]; /* by result: OK, ERR, FAIL */
};

void statistics_init(struct statistics *statistics);

/* `status` is TLSMGR_PROTO_OK, _ERR or _FAIL. */
void statistics_count(struct statistics *statistics, enum statistics_request request, int status);

/* Appends the attributes, without the end of the list. */
void statistics_put(const struct mgr_request_env *env, struct buf *reply);

#endif
