/* SPDX-License-Identifier: ISC */
/*
 * entry: one stored session as bytes: when it was stored, and the session.
 *
 * Written are sixteen upper-case hex digits, a zero byte, and the session as it is. The digits are the eight
 * bytes of the time in native order. Postfix's programs, for which a zero byte ends a value, take this for an
 * entry of that time without a session. Their own form is read as well: everything in hex, either case, with
 * or without ':' between the pairs, and a zero byte at the end.
 */
#ifndef TLSMGR_ENTRY_H
#define TLSMGR_ENTRY_H

#include <stddef.h>
#include <stdint.h>

struct buf;

enum { ENTRY_OVERHEAD = 17 }; /* by which an entry is longer than its session */

enum entry_verdict {
	ENTRY_GOOD,
	ENTRY_TRUNCATED, /* shorter than a time */
	ENTRY_MALFORMED,
};

/* Replaces `to`. */
void entry_encode(struct buf *to, int64_t stamp, const void *session, size_t len);

/* Replaces `session`, which is empty unless the entry is good; so is *stamp 0. */
enum entry_verdict entry_decode(const void *bytes, size_t len, int64_t *stamp, struct buf *session);

/* The age of what was stored then, in seconds; 0 for a time to come. */
int64_t entry_age_s(int64_t stamp);

#endif
