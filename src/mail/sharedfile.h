/* SPDX-License-Identifier: ISC */
/*
 * sharedfile: a file of fixed size that the processes of a service map, each with a part of it that it alone
 * writes.
 *
 * A part belongs to the process that holds a lock on it, which the kernel takes away at the process's end,
 * however that came. A process opens such a file once: closing any descriptor of it gives up its locks.
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

/* False: another process has it. */
bool sharedfile_take(int fd, size_t at, size_t len);

/* The same for whoever has the descriptor: children made by fork() are owners, too, until they close it. */
bool sharedfile_share(int fd, size_t at, size_t len);

/* Of sharedfile_share(). */
void sharedfile_give(int fd, size_t at, size_t len);

/* The other process that has it, -1 if that is one of several; 0: none. */
pid_t sharedfile_owner(int fd, size_t at, size_t len);

#endif
