/* SPDX-License-Identifier: ISC */
/*
 * exchange: the file that carries randomness from one run of the program to the next.
 */
#ifndef TLSMGR_EXCHANGE_H
#define TLSMGR_EXCHANGE_H

#include <stdbool.h>

struct err;
struct exchange;

/* Opens or creates `path`, mode 0600. NULL: `err`. Freed by the caller. */
struct exchange *exchange_new(const char *path, struct err *err);
void exchange_free(struct exchange *exchange);

/* True once nobody can find the file any more. */
bool exchange_is_removed(const struct exchange *exchange);

/* Stirs the content into the generator and replaces it by new bytes. 0 or -1. */
int exchange_update(struct exchange *exchange, struct err *err) __attribute__((warn_unused_result));

#endif
