/* SPDX-License-Identifier: ISC */
/*
 * sharedfile: a file of fixed size that the processes of a service map, each with a part of it that it alone
 * writes.
 *
 * A part belongs to the process that holds a lock on it, which the kernel takes away at the process's end,
 * however that came.
 */
#ifndef MAIL_SHAREDFILE_H
#define MAIL_SHAREDFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;

/* A descriptor of the file, which is made if there is none: mode 0600, all of its blocks there, so that
 * writing to a map of it does not find the disk full. -1 with err. */
int sharedfile_open(const char *path, size_t size, struct err *err) __attribute__((warn_unused_result));

/* False: another process has it. Whoever has the descriptor owns it: so do children made by fork(), until
 * they close it. */
bool sharedfile_share(int fd, size_t at, size_t len);

/* Of sharedfile_share(). */
void sharedfile_give(int fd, size_t at, size_t len);

/* Does somebody have it who has another descriptor? */
bool sharedfile_is_owned(int fd, size_t at, size_t len);

#endif
