/* SPDX-License-Identifier: ISC */
/*
 * exchange: the file that carries randomness from one run of the program to the next.
 *
 * It is rewritten in place: once it has its size a full disk does no harm, and a process that is killed
 * leaves a file that the next one can use, since any content is good for stirring. Nothing here waits for
 * another process.
 */
#ifndef TLSMGR_EXCHANGE_H
#define TLSMGR_EXCHANGE_H

#include <stdbool.h>

struct err;
struct exchange;

/* For the file `path`, which is not opened yet. Its directory stays open, so that the file can be made anew
 * from the jail. Freed by the caller. */
struct exchange *exchange_new(const char *path);
void exchange_free(struct exchange *exchange);

const char *exchange_path(const struct exchange *exchange);

/* -1: not found. Borrowed. */
int exchange_directory(const struct exchange *exchange);

/* Opens the file, in place of one that is open, or creates it with mode 0600. 0, or -1 with none open. */
int exchange_open(struct exchange *exchange, struct err *err) __attribute__((warn_unused_result));

/* True once nobody can find the open file any more. */
bool exchange_is_removed(const struct exchange *exchange);

/*
 * Stirs the content into the generator and puts new bytes in the place of the first 1024; opens the file if
 * it is not. 1: done. 0: another process holds the lock. -1: `err`, and the content is what it was or part of
 * the new.
 */
int exchange_update(struct exchange *exchange, struct err *err) __attribute__((warn_unused_result));

#endif
