/* SPDX-License-Identifier: ISC */
/*
 * file: files that matter: read within a limit, made whole, locked.
 */
#ifndef UTIL_FILE_H
#define UTIL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;
struct err;

/* Appends the whole file. More than `limit` bytes is an error. 0 or -1. */
int file_read(const char *path, size_t limit, struct buf *to, struct err *err)
    __attribute__((warn_unused_result));

/* The same, without ever waiting: of a FIFO, or a device, it takes only what is there. */
int file_read_at_once(const char *path, size_t limit, struct buf *to, struct err *err)
    __attribute__((warn_unused_result));

/* Makes the names in the directory of `path` last. It does what it can: some file systems cannot. */
void file_flush_directory(const char *path);

/* Creates `path`, which must not exist, with `mode` from the first moment on. 0 or -1, nothing left behind.
 */
int file_create(const char *path, const void *bytes, size_t len, mode_t mode, struct err *err)
    __attribute__((warn_unused_result));

/* Exclusive flock. 1: locked. 0: somebody else holds it (only if !wait). -1: errno. */
int file_lock(int fd, bool wait) __attribute__((warn_unused_result));
void file_unlock(int fd);

#endif
