/* SPDX-License-Identifier: ISC */
/*
 * scache: the session cache of one service, on disk.
 *
 * An entry older than the timeout is never returned, swept or not. A cache whose database cannot be opened,
 * or fails later, goes on without: it says so once, finds nothing and keeps nothing. Old entries make room
 * for new ones when the cache has reached its size.
 */
#ifndef TLSMGR_SCACHE_H
#define TLSMGR_SCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct location;
struct scache;

struct scache_config {
	const char *label;        /* smtpd, smtp or lmtp; borrowed for good */
	const char *database;     /* "type:path" or "path"; "": the cache is not enabled */
	const char *default_type; /* for "path" */
	int timeout_s;            /* 0: not enabled; others below 120 mean 120 */
	bool log;                 /* a line for each operation */
	bool check_utf8;          /* refuse ids that are neither ASCII nor UTF-8 */
	uint64_t limit;           /* most bytes of ids and entries; 0: SCACHE_LIMIT */
	const struct location *location;
};

#define SCACHE_LIMIT (UINT64_C(1) << 30)

/* Opens and empties the database. Freed by the caller. */
struct scache *scache_new(const struct scache_config *config);
void scache_free(struct scache *cache);

const char *scache_label(const struct scache *cache);
bool scache_is_enabled(const struct scache *cache);

bool scache_is_logging(const struct scache *cache);

/* The effective timeout, known also when the cache is not enabled. */
int scache_timeout_s(const struct scache *cache);

/* 1: found, `session` replaced. 0: absent or expired. */
int scache_lookup(struct scache *cache, const char *id, struct buf *session);
void scache_update(struct scache *cache, const char *id, const void *session, size_t len);

/* 1: there was one. */
int scache_delete(struct scache *cache, const char *id);

/* Looks at one entry, the first or the next, and drops it if it has expired. False: there was none left. */
bool scache_sweep_step(struct scache *cache, bool first);

#endif
