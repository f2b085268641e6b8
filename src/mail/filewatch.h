/* SPDX-License-Identifier: ISC */
/*
 * filewatch: says soon that one of certain files may have changed.
 *
 * It watches the directories that files are in when it is made, before the jail, as root, and those of
 * symbolic links on the way. It is a hint: what lies behind a link that leads elsewhere later, and other
 * hosts' changes on a network file system go by unseen. Who must know looks from time to time, too.
 */
#ifndef MAIL_FILEWATCH_H
#define MAIL_FILEWATCH_H

#include <stddef.h>

struct event_base;
struct filewatch;

typedef void (*filewatch_fn)(void *context);

/* The function is called from the event loop, once for changes that come together. Where the kernel has no
 * watches to give it never is. Freed by the caller. */
struct filewatch *filewatch_new(
    struct event_base *base, const char *const *paths, size_t count, filewatch_fn fn, void *context);
void filewatch_free(struct filewatch *watch);

#endif
