/* SPDX-License-Identifier: ISC */
/*
 * handover: ticket keys pass from a tlsmgr that ends at a reload to the one that follows.
 *
 * The keys lie in the file only in between: the next process empties it as soon as it has read them, and one
 * that is killed leaves none.
 */
#ifndef TLSMGR_HANDOVER_H
#define TLSMGR_HANDOVER_H

struct err;
struct handover;
struct ticketkeys;

/* Opens or creates `path`, mode 0600. NULL, with `err`, when that fails or others could have read or written
 * it. Freed by the caller. */
struct handover *handover_new(const char *path, struct err *err);
void handover_free(struct handover *handover);

/* Takes over the keys that are still good, and empties the file. 0 or -1. */
int handover_load(struct handover *handover, struct ticketkeys *keys, struct err *err)
    __attribute__((warn_unused_result));

/* 0, or -1 with nothing left in the file. */
int handover_save(struct handover *handover, const struct ticketkeys *keys, struct err *err)
    __attribute__((warn_unused_result));

#endif
