/* SPDX-License-Identifier: ISC */
/*
 * pidfile: the lock files of master: who holds one, and how to be the one.
 *
 * The lock counts, not the file: it stays when its holder is gone.
 */
#ifndef MAIL_PIDFILE_H
#define MAIL_PIDFILE_H

#include <sys/types.h>

struct err;

#define PIDFILE_MASTER "pid/master.pid" /* relative to queue_directory */

/* Creates (mode 0600) and locks. A descriptor that holds the lock until it is closed, or -1. */
int pidfile_lock(const char *path, struct err *err) __attribute__((warn_unused_result));

/* Replaces the content by `pid`, right-aligned in 32 columns. 0 or -1. */
int pidfile_write(int fd, pid_t pid, struct err *err) __attribute__((warn_unused_result));

/* 1: somebody holds the lock, and *pid is what the file says (0: nothing of use). 0: nobody does, or there is
 * no file. -1: err. `pid` may be NULL. */
int pidfile_holder(const char *path, pid_t *pid, struct err *err) __attribute__((warn_unused_result));

#endif
