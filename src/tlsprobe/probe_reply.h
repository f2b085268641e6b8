/* SPDX-License-Identifier: ISC */
/*
 * probe_reply: replies of an SMTP or LMTP server (RFC 5321 section 4.2), and what it offers in them.
 *
 * Replies come from strangers: lines and their number have limits, and what is kept can be printed.
 */
#ifndef TLSPROBE_PROBE_REPLY_H
#define TLSPROBE_PROBE_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

enum {
	PROBE_REPLY_LINE_LIMIT = 2048, /* bytes */
	PROBE_REPLY_LIMIT = 64 * 1024, /* bytes of all lines */
};

enum probe_reply_state {
	PROBE_REPLY_MORE, /* it is not all there yet */
	PROBE_REPLY_COMPLETE,
	PROBE_REPLY_BAD, /* no reply, or one that is too long */
};

/* Set up with zeros. */
struct probe_reply {
	int code;        /* of the last line, 100 to 599 */
	struct buf text; /* the lines without code and line end, each but the last followed by a newline */
	size_t read;     /* bytes of a reply that is not all there, up to the line that is not */
};

void probe_reply_release(struct probe_reply *reply);

/* Takes one reply off the beginning of `in`; nothing unless it is complete. After PROBE_REPLY_MORE, again
 * with more bytes behind the same: no line is read twice. */
enum probe_reply_state probe_reply_take(struct probe_reply *reply, struct buf *in);

/* The next line with something offered: word and what follows; the first line, a greeting, has none. Start
 * with NULL; NULL at the end. Not terminated. */
const char *probe_reply_next_offer(const struct probe_reply *reply, const char *last, size_t *len);

/* Is `word` offered, in any case? */
bool probe_reply_offers(const struct probe_reply *reply, const char *word);

/* The code and the text in one line, e.g. "454 4.7.0 not now". Freed by the caller. */
char *probe_reply_line(const struct probe_reply *reply);

/* Which name the server has for itself: the first word of the text. Freed by the caller. */
char *probe_reply_name(const struct probe_reply *reply);

#endif
