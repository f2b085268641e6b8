/* SPDX-License-Identifier: ISC */
/*
 * reader_rights: what is left to a process that was forked to read files for its parent.
 *
 * As root it stays root, for files that only root may read, with no other capability than reading what others
 * own; where the kernel can forbid it, it cannot write, create or run anything. All descriptors but its
 * socket are closed. It ends with its parent.
 */
#ifndef MAIL_READER_RIGHTS_H
#define MAIL_READER_RIGHTS_H

#include <sys/types.h>
#include <unistd.h>

/* Where the socket goes: the lowest number, so that closing the others is one range. */
enum { READER_RIGHTS_SOCKET = STDIN_FILENO };

/* Gives up the rest; `name` is seen in a list of processes. Does not return when it cannot. */
void reader_rights_enter(const char *name, int socket, pid_t parent);

#endif
