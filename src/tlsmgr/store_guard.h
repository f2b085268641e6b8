/* SPDX-License-Identifier: ISC */
/*
 * store_guard: notices that a page read from a file is not the one that was written to it.
 *
 * A database library that meets a damaged page may follow it anywhere, so damage has to be found before the
 * library sees the page: the functions here stand between library and file, and remember a sum of each page.
 * They serve several files at a time. Finds accidents, not forgeries.
 */
#ifndef TLSMGR_STORE_GUARD_H
#define TLSMGR_STORE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;
struct store_guard;

/* Knows no page yet; an unknown page passes. */
struct store_guard *store_guard_new(size_t page_size);
void store_guard_free(struct store_guard *guard);

/* From now on this descriptor is watched. At most one for a guard. */
void store_guard_watch(struct store_guard *guard, int fd);

/* The sums, for a file that will be opened again; whole pages of them. */
void store_guard_save(const struct store_guard *guard, struct buf *to);
void store_guard_load(struct store_guard *guard, const struct buf *from);

/* Reads and compares one page. */
bool store_guard_is_intact(const struct store_guard *guard, int fd, size_t page);

/* Why the first read or write failed, an errno; 0: none has. From then on the file is not to be used. */
int store_guard_error(const struct store_guard *guard);

/*
 * Like pread, pwrite, ftruncate and lseek, but a page that was changed is EIO. A library that tries lseek and
 * read where pread has failed does not get past the first.
 */
ssize_t store_guard_pread(int fd, void *to, size_t len, off_t at);
ssize_t store_guard_pwrite(int fd, const void *from, size_t len, off_t at);
int store_guard_truncate(int fd, off_t len);
int store_guard_seek(int fd, off_t at, int whence);

#endif
