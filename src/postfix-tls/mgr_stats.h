/* SPDX-License-Identifier: ISC */
/*
 * mgr_stats: what a running tlsmgr tells of itself when it is asked for "stats" (doc/wire.md).
 */
#ifndef POSTFIX_TLS_MGR_STATS_H
#define POSTFIX_TLS_MGR_STATS_H

struct err;
struct table;

enum mgr_stats {
	MGR_STATS_KNOWN,   /* `numbers` is filled */
	MGR_STATS_UNKNOWN, /* it does not know the request: Postfix's own */
	MGR_STATS_ABSENT,  /* it does not run; err says why */
	MGR_STATS_SILENT,  /* it cannot be asked, or does not answer; err says why */
};

/* Asks at the socket `path`, and waits for seconds at most. `numbers` takes strings, which it frees. */
enum mgr_stats mgr_stats_ask(const char *path, struct table *numbers, struct err *err);

#endif
