/* SPDX-License-Identifier: ISC */
/*
 * fdio: descriptors: flags, complete reads and writes, passing them.
 */
#ifndef UTIL_FDIO_H
#define UTIL_FDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;

int fdio_set_nonblocking(int fd, bool on);
int fdio_set_cloexec(int fd, bool on);

/* Closes *fd unless it is -1, and sets it to -1. errno stays. */
void fdio_close(int *fd);

/* Writes all, waiting with poll at most `timeout_s` for each piece; 0 or -1 with errno. For start-up and
 * commands, never under an event loop. */
int fdio_write_all(int fd, const void *bytes, size_t len, int timeout_s) __attribute__((warn_unused_result));

/* One byte of data (zero) and one descriptor, as Postfix passes them (doc/wire.md). 0 or -1 with errno.
 */
int fdio_send_fd(int socket, int fd) __attribute__((warn_unused_result));

/*
 * Takes one data byte and the descriptor that came with it, close-on-exec.
 * 1: *fd is the caller's. 0: end of file. -1: errno (EAGAIN: come again). -2: a byte without exactly one
 * descriptor; whatever came is closed.
 */
int fdio_receive_fd(int socket, int *fd) __attribute__((warn_unused_result));

/* A socket that never was connected, or is no more: it is always ready, and has nothing to read. */
bool fdio_has_no_peer(int fd);

/* A UNIX stream socket connected to `path`, close-on-exec, non-blocking if asked. -1 with err. A full backlog
 * fails at once with EAGAIN. */
int fdio_connect_unix(const char *path, bool nonblocking, struct err *err)
    __attribute__((warn_unused_result));

#endif
