/* SPDX-License-Identifier: ISC */
/*
 * store: keyed text records on disk, emptied when opened, whatever the database library.
 *
 * Keys and values are strings. One walk over all records can be under way; records may come and go meanwhile.
 */
#ifndef TLSMGR_STORE_H
#define TLSMGR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct store;

/* What a kind of database brings. All are called through the functions below. */
struct store_ops {
	void (*free)(struct store *store);
	int (*get)(struct store *store, const char *key, struct buf *value, struct err *err);
	int (*put)(struct store *store, const char *key, const char *value, size_t len, struct err *err);
	int (*remove)(struct store *store, const char *key, struct err *err);
	int (*next)(struct store *store, bool first, struct buf *key, struct buf *value, struct err *err);
};

/* The first member of every kind's struct. */
struct store {
	const struct store_ops *ops;
	uint64_t bytes; /* keys and values held */
};

/*
 * Creates or empties the database of that type. NULL: `err` has words for the log. A database in use by
 * another process is left alone. `path` is without suffix. Freed by the caller.
 */
struct store *store_new(const char *type, const char *path, struct err *err);
void store_free(struct store *store);

/* 1: `value` replaced. 0: absent. -1: `err`; the store is of no further use. */
int store_get(struct store *store, const char *key, struct buf *value, struct err *err)
    __attribute__((warn_unused_result));

/* Creates or replaces. 0 or -1. */
int store_put(struct store *store, const char *key, const char *value, size_t len, struct err *err)
    __attribute__((warn_unused_result));

/* 1: removed. 0: absent. -1. */
int store_remove(struct store *store, const char *key, struct err *err) __attribute__((warn_unused_result));

/* The first record, or the one behind that of the last call, which may be gone. 1: replaced both. 0: end. -1.
 */
int store_next(struct store *store, bool first, struct buf *key, struct buf *value, struct err *err)
    __attribute__((warn_unused_result));

/* Length of keys and values in all. */
uint64_t store_bytes(const struct store *store);

#endif
