/* SPDX-License-Identifier: ISC */
/*
 * foreign_impl: what the readers of the kinds of file have in common. For foreign*.c only.
 */
#ifndef TLSMGR_FOREIGN_IMPL_H
#define TLSMGR_FOREIGN_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tlsmgr/foreign.h"

struct buf;

enum {
	FOREIGN_PAGE_LEAST = 512,
	FOREIGN_PAGE_MOST = 64 * 1024,
	FOREIGN_KEY_MOST = 128 * 1024,
	FOREIGN_VALUE_MOST = 16 * 1024 * 1024,
};

/* What a kind of file brings. */
struct foreign_kind {
	/* 0 unless the file is one, from its first bytes: zeros where it is shorter. */
	size_t (*page_size)(const unsigned char head[FOREIGN_PAGE_LEAST]);
	struct foreign *(*make)(void);
	/* Records are as in the file. */
	enum foreign_step (*next)(struct foreign *foreign, struct buf *key, struct buf *value);
	void (*release)(struct foreign *foreign);
};

extern const struct foreign_kind foreign_db_kind, foreign_lmdb_kind;

/* The first member of every kind's struct. */
struct foreign {
	const struct foreign_kind *kind;
	int fd; /* owned */
	uint64_t size;
	size_t page_size;
	uint64_t pages;
	uint64_t reads_left;        /* pages; more than a whole file needs, fewer than circles do */
	unsigned int calls;         /* since it was seen that there is room */
	unsigned int good, strange; /* records */
	bool done;                  /* nothing more is read */
};

/* For a page; sessions are wiped before their memory is given back. */
unsigned char *foreign_page_new(const struct foreign *foreign);
void foreign_page_free(const struct foreign *foreign, unsigned char *page);

/* `len` bytes at `at` of a page, and of those behind it. False: they are not there. */
bool foreign_read(struct foreign *foreign, uint64_t page, size_t at, void *to, size_t len)
    __attribute__((warn_unused_result));

/* `len` bytes of a page that was read. False: they would lie outside. */
bool foreign_copy(const struct foreign *foreign, const unsigned char *page, size_t at, void *to, size_t len)
    __attribute__((warn_unused_result));
bool foreign_add(const struct foreign *foreign, const unsigned char *page, size_t at, struct buf *to,
    size_t len) __attribute__((warn_unused_result));

#endif
