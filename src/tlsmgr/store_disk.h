/* SPDX-License-Identifier: ISC */
/*
 * store_disk: the file of a store: whose it is, and whether what is in it can be used again.
 *
 * The lock (flock, as Postfix takes it) comes before any change and lasts as long as the descriptor. A file
 * is kept when it carries a mark of this boot, written last by the process that closed it, and is as long and
 * as old as the mark says; the mark is taken off at once. Any other file is emptied, or a new one takes its
 * place. The mark lies in a part of the first page that neither database library uses, so that no library has
 * to open a file of unknown content.
 */
#ifndef TLSMGR_STORE_DISK_H
#define TLSMGR_STORE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

struct err;
struct foreign;
struct store_config;

/* A file that was never opened is zeros with fd -1. */
struct store_disk {
	char *path;      /* owned */
	char *shown;     /* owned; the path for messages */
	char *owner;     /* owned; the type and this boot, "" when nothing is ever kept */
	int fd;          /* owned; has the lock; -1 when not open */
	bool kept;       /* has records of an earlier run */
	struct buf tail; /* what store_disk_keep() was given by that run */

	/* Owned; NULL: none. What another program had left in this place; the file has no name any more. */
	struct foreign *foreign;
};

/* First bytes of the file that the library must leave alone once it is closed; no page may be smaller. */
enum { STORE_DISK_PAGE = 2048 };

/* Opens or creates, locks, and empties unless it is kept. -1: release it all the same. */
int store_disk_open(struct store_disk *file, const struct store_config *config, const char *suffix,
    struct err *err) __attribute__((warn_unused_result));

/* Gives up what was kept. */
int store_disk_empty(struct store_disk *file, struct err *err) __attribute__((warn_unused_result));

/* True if `fd` is that file, which its name may no longer be. */
bool store_disk_is(const struct store_disk *file, int fd);

/* Gives the file of another program to the caller. NULL: there was none. */
struct foreign *store_disk_take_foreign(struct store_disk *file);

/* Room on disk. */
uint64_t store_disk_bytes(const struct store_disk *file);

/*
 * To be called before store_disk_release(), when the library has closed the file. Keeps the file for the next
 * run, and `tail` with it, behind the last page. A file that cannot be kept is emptied: nothing that nobody
 * will read takes room.
 */
void store_disk_keep(struct store_disk *file, const struct buf *tail);
void store_disk_drop(struct store_disk *file);

/* Unlocks and closes. */
void store_disk_release(struct store_disk *file);

#endif
