/* SPDX-License-Identifier: ISC */
/*
 * storefile: the database that a cache is configured with: where it is, and when to try again after it
 * failed.
 *
 * An outage is logged when it begins and when it is over. Attempts are made at growing distances, up to five
 * minutes. A database that another process has locked is tried again at once and for a second in silence: it
 * is most likely the process before this one, about to exit. A type that can never work is not tried again.
 */
#ifndef TLSMGR_STOREFILE_H
#define TLSMGR_STOREFILE_H

#include <stdint.h>

struct err;
struct location;
struct store;
struct storefile;

struct storefile_config {
	const char *label;        /* of the cache; borrowed for good */
	const char *database;     /* "type:path" or "path" */
	const char *default_type; /* for "path" */
	const char *boot;         /* as in struct store_config; borrowed for good */
	uint64_t limit;           /* likewise */
	const struct location *location;
};

/* Opens nothing yet. Freed by the caller. */
struct storefile *storefile_new(const struct storefile_config *config);
void storefile_free(struct storefile *file);

/* "type:path", for the log. */
const char *storefile_name(const struct storefile *file);

/* The directory it is in, open; -1: it has none, or none was found. Borrowed. */
int storefile_directory(const struct storefile *file);

/* NULL: not now, see storefile_wait_ms(). Freed with storefile_close(). */
struct store *storefile_open(struct storefile *file);

/* Frees the store, which may be NULL: database libraries look for the file once more by its name. */
void storefile_close(const struct storefile *file, struct store *store);

/* The store that was opened has failed, for the reason in `err`, and was closed. */
void storefile_failed(struct storefile *file, const struct err *err);

/* How long until storefile_open() may succeed; -1: for ever. */
int storefile_wait_ms(const struct storefile *file);

#endif
