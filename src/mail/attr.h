/* SPDX-License-Identifier: ISC */
/*
 * attr: attribute lists as Postfix programs exchange them over local sockets.
 *
 * attr0 is the encoding of every TLS service: "name\0value\0" for each attribute, one "\0"
 * behind the last. plain ("name=value\n") and base64 are known too (doc/wire.md).
 * Integers travel as unsigned 32-bit decimals, data as base64.
 */
#ifndef MAIL_ATTR_H
#define MAIL_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/reader.h"

struct buf;
struct table;

enum attr_encoding { ATTR_NULL, ATTR_PLAIN, ATTR_BASE64 };

/* --- writing: each call appends to `to` --- */

void attr_put_int(struct buf *to, const char *name, int value);
void attr_put_str(struct buf *to, const char *name, const char *value);
void attr_put_data(struct buf *to, const char *name, const void *bytes, size_t len);
void attr_put_end(struct buf *to);

/* The same in another encoding. A hash value is a table of strings. */
void attr_put_int_as(struct buf *to, enum attr_encoding encoding, const char *name, int value);
void attr_put_long_as(struct buf *to, enum attr_encoding encoding, const char *name, long value);
void attr_put_str_as(struct buf *to, enum attr_encoding encoding, const char *name, const char *value);
void attr_put_data_as(
    struct buf *to, enum attr_encoding encoding, const char *name, const void *bytes, size_t len);
void attr_put_hash_as(struct buf *to, enum attr_encoding encoding, const struct table *hash);
void attr_put_end_as(struct buf *to, enum attr_encoding encoding);

/* --- framing: where does an attr0 list end that arrives in pieces --- */

struct attr_frame {
	size_t limit;   /* a list longer than this is refused */
	size_t scanned; /* bytes already looked at */
	int at;         /* what the next byte belongs to */
};

enum attr_progress { ATTR_MORE, ATTR_COMPLETE, ATTR_TOO_LONG };

void attr_frame_init(struct attr_frame *frame, size_t limit);

/*
 * `bytes` are all bytes of the list so far, `len` of them; only what is new is looked at. ATTR_COMPLETE: the
 * list is the first *list_len bytes, its end marker included; call attr_frame_init() before the next one.
 */
enum attr_progress attr_frame_feed(struct attr_frame *frame, const void *bytes, size_t len, size_t *list_len);

/* --- reading: one complete list, or as much of one as came before end of file --- */

enum attr_flags {
	ATTR_FLAG_NONE = 0,
	ATTR_FLAG_MISSING = 1, /* warn when the list ends before an attribute that is wanted */
	ATTR_FLAG_EXTRA = 2,   /* warn about, and stop at, one that is not */
	ATTR_FLAG_MORE = 4,    /* another scan of the same list follows: attr_scan_end() does nothing */
	ATTR_FLAG_STRICT = ATTR_FLAG_MISSING | ATTR_FLAG_EXTRA,
};

/*
 * Reads the wanted attributes in their order. Every reason to complain is logged here, in
 * Postfix's words, once; after that every further call returns what it returned, so that a
 * decoder can read all fields and check `scan.count` at the end.
 */
struct attr_scan {
	struct reader in;
	enum attr_encoding encoding;
	int flags;
	const char *stream; /* name for the log; borrowed */
	int count;          /* attributes found */
	bool stopped;       /* nothing more will be found: list ended, unwanted attribute */
	bool malformed;     /* a hard error: the result as a whole is -1 */
	bool ended;         /* end marker consumed */

	struct buf *scratch; /* plain and base64: where decoded names and values lie; borrowed */
	char separator;      /* what ended the last token */
};

void attr_scan_init(struct attr_scan *scan, const void *list, size_t len, int flags, const char *stream);

/* The same in another encoding. Strings are then borrowed from `scratch`, which the caller releases
 * afterwards. */
void attr_scan_init_as(struct attr_scan *scan, enum attr_encoding encoding, const void *list, size_t len,
    int flags, const char *stream, struct buf *scratch);

/* 1: found. 0: absent. -1: malformed. Strings are borrowed from the list; data replaces `to`. */
int attr_scan_int(struct attr_scan *scan, const char *name, int *value);
int attr_scan_long(struct attr_scan *scan, const char *name, long *value);
int attr_scan_str(struct attr_scan *scan, const char *name, const char **value);
int attr_scan_data(struct attr_scan *scan, const char *name, struct buf *to);

/* Name and value must be these; does not count. */
int attr_scan_match(struct attr_scan *scan, const char *name, const char *value);

/* Stores pairs into `hash` (values are strings freed by the table), at most 1024; returns how many were read.
 */
int attr_scan_hash(struct attr_scan *scan, struct table *hash);

/* What was read makes no sense to the caller, who has said so: nothing more is read, all further calls return
 * -1. */
void attr_scan_refuse(struct attr_scan *scan);

/* The end of the list; warns about what is left before it. The number of attributes found, or -1. */
int attr_scan_end(struct attr_scan *scan);

/* The name of the attribute that comes next, NULL at the end; nothing is consumed. For lists whose shape
 * varies, attr0 only. */
const char *attr_scan_peek(const struct attr_scan *scan);

#endif
