/* SPDX-License-Identifier: ISC */
/*
 * scache: the session cache of one service: a database with the sessions, and an index of them in memory.
 *
 * An entry older than the timeout is never returned. What the index does not know is not looked for in the
 * database, except while the records of an earlier run are still being read. The oldest entries make room
 * when a limit is reached; both limits hold after each call. A session that alone is over the limit is not
 * kept.
 *
 * Sessions in a file that Postfix's tlsmgr has left are taken over between requests; one that a client has
 * stored or deleted since is not.
 *
 * A database that cannot be opened, or fails later, costs the entries, not the service: nothing is found and
 * nothing kept until it works again.
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
	const char *boot; /* tells this boot of the system from others; borrowed for good; "": start empty */
	int timeout_s;    /* 0: not enabled; others below 120 mean 120 */
	bool log;         /* a line for each operation */
	bool check_utf8;  /* refuse ids that are neither ASCII nor UTF-8 */
	uint64_t entry_limit; /* 0: none */
	uint64_t size_limit;  /* of ids and sessions in bytes; 0: none */
	const struct location *location;
};

/* Since it was made, but for the first three. */
struct scache_stats {
	uint64_t entries, bytes; /* of ids and sessions; records not yet read are not counted */
	uint64_t file_bytes;
	uint64_t hits, misses;
	uint64_t updates;  /* sessions stored */
	uint64_t refused;  /* sessions not stored: too large, an unusable id, no database */
	uint64_t deletes;  /* entries deleted on request */
	uint64_t expired;  /* entries dropped because of their age */
	uint64_t evicted;  /* entries dropped to make room */
	uint64_t failures; /* outages of the database */
	bool available;    /* there is a database now */
	bool loading;      /* records of an earlier run, or of Postfix, are being read */
};

/* Freed by the caller. */
struct scache *scache_new(const struct scache_config *config);
void scache_free(struct scache *cache);

/* Where its file is, open; -1: it has none, or none was found. Borrowed. */
int scache_directory(const struct scache *cache);

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

/*
 * Does one small piece of what is to be done between requests: drops an entry that has expired, reads a
 * record of an earlier run, takes one over, tries a database that failed. Returns in how many milliseconds
 * there may be more to do; 0: there is now. -1: there never will be.
 */
int scache_tend(struct scache *cache);

void scache_stats(const struct scache *cache, struct scache_stats *stats);

#endif
