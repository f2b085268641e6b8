/* SPDX-License-Identifier: ISC */
/*
 * store: records by name in a database file, whatever the database library.
 *
 * Nothing is flushed while it runs: the file is whole only after store_free(), which marks it so. A file
 * without a mark of this boot is emptied when it is opened, and the mark is taken off before the first
 * change; so what a killed process or a power failure leaves is never read. One process has a store open at a
 * time.
 *
 * Sessions in a file that Postfix's tlsmgr has left are no records of the store that replaces it, but can be
 * had from it.
 *
 * Keys are strings of any length, values bytes. One walk over all records can be under way; records may come
 * and go meanwhile, and one that is there all along is met once, or twice if others came.
 */
#ifndef TLSMGR_STORE_H
#define TLSMGR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tlsmgr/foreign.h"

struct buf;
struct err;
struct store;

struct store_config {
	const char *type;  /* btree, hash, lmdb, internal */
	const char *path;  /* without suffix */
	const char *shown; /* the same for messages; they differ when `path` is relative */
	const char *boot;  /* tells this boot of the system from others; "": always start empty */
	uint64_t limit;    /* most bytes of keys and values that will be in it at a time */
};

/* What a kind of database brings. All are called through the functions below. */
struct store_ops {
	void (*free)(struct store *store, bool keep);
	int (*get)(struct store *store, const char *key, struct buf *value, struct err *err);
	int (*put)(struct store *store, const char *key, const void *value, size_t len, struct err *err);
	int (*remove)(struct store *store, const char *key, struct err *err);
	int (*next)(struct store *store, bool first, struct buf *key, struct buf *value, struct err *err);
	uint64_t (*file_bytes)(const struct store *store);
};

/* The first member of every kind's struct. */
struct store {
	const struct store_ops *ops;
	bool kept;   /* has records of an earlier run */
	bool failed; /* an operation returned -1 */

	/* Owned; NULL: none, or no more. */
	struct foreign *foreign;
};

/*
 * Creates or opens the database. NULL: `err` has words for the log; its code is EAGAIN when another process
 * has the file, EINVAL when this type can never work. A file that is no database of that type, or damaged, is
 * emptied.
 */
struct store *store_new(const struct store_config *config, struct err *err);

/* Keeps the records for the next run unless an operation failed. Never waits for the disk. */
void store_free(struct store *store);

bool store_has_old_records(const struct store *store);

/* 1: `value` replaced. 0: absent. -1: `err`; the store is of no further use but to be freed. */
int store_get(struct store *store, const char *key, struct buf *value, struct err *err)
    __attribute__((warn_unused_result));

/* Creates or replaces. 0 or -1. */
int store_put(struct store *store, const char *key, const void *value, size_t len, struct err *err)
    __attribute__((warn_unused_result));

/* 1: removed. 0: absent. -1. */
int store_remove(struct store *store, const char *key, struct err *err) __attribute__((warn_unused_result));

/* The first record, or the one behind that of the last call, which may be gone. 1: replaced both. 0: end. -1.
 */
int store_next(struct store *store, bool first, struct buf *key, struct buf *value, struct err *err)
    __attribute__((warn_unused_result));

/* Another program's file was in this place, and there may be more in it. It takes room on disk until its end.
 */
bool store_has_foreign_records(const struct store *store);

/* See foreign.h. */
enum foreign_step store_next_foreign(struct store *store, struct buf *key, struct buf *value);
void store_stop_foreign(struct store *store);

/* What the file occupies on disk. */
uint64_t store_file_bytes(const struct store *store);

#endif
