/* SPDX-License-Identifier: ISC */
/*
 * takeover: keeps the book while a cache takes over the sessions that Postfix's tlsmgr has left: which of
 * them are no longer wanted, and how many there were, for the log.
 */
#ifndef TLSMGR_TAKEOVER_H
#define TLSMGR_TAKEOVER_H

#include <stdbool.h>

struct takeover;

/* `label` of the cache and `name` of its database are borrowed until it is freed. Freed by the caller. */
struct takeover *takeover_new(const char *label, const char *name);
void takeover_free(struct takeover *takeover);

/* This one is not to come back. False: there are so many of them that it is better to stop. */
bool takeover_forbid(struct takeover *takeover, const char *id);
bool takeover_is_forbidden(const struct takeover *takeover, const char *id);

/* One more was stored. */
void takeover_count(struct takeover *takeover);

/* Not all will be read. */
void takeover_cut_short(struct takeover *takeover);

/* Logs what there is to say. */
void takeover_report(const struct takeover *takeover);

#endif
