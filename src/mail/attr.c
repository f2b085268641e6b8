/* SPDX-License-Identifier: ISC */
#include "mail/attr.h"

#include <stdio.h>
#include <string.h>

#include "util/buf.h"
#include "util/hex.h"
#include "util/log.h"
#include "util/table.h"

/* --- writing --- */

static void
put_name(struct buf *to, enum attr_encoding encoding, const char *name)
{
	switch (encoding) {
	case ATTR_NULL:
		if (!*name)
			log_panic("attr_put: an empty name would end the list");
		buf_add(to, name, strlen(name) + 1);
		break;
	case ATTR_PLAIN:
		buf_add_str(to, name);
		buf_add_byte(to, '=');
		break;
	case ATTR_BASE64:
		hex_base64_encode(to, name, strlen(name));
		buf_add_byte(to, ':');
		break;
	}
}

void
attr_put_str_as(struct buf *to, enum attr_encoding encoding, const char *name, const char *value)
{
	put_name(to, encoding, name);
	switch (encoding) {
	case ATTR_NULL:
		buf_add(to, value, strlen(value) + 1);
		break;
	case ATTR_PLAIN:
		buf_add_str(to, value);
		buf_add_byte(to, '\n');
		break;
	case ATTR_BASE64:
		hex_base64_encode(to, value, strlen(value));
		buf_add_byte(to, '\n');
		break;
	}
}

void
attr_put_int_as(struct buf *to, enum attr_encoding encoding, const char *name, int value)
{
	char text[16];

	snprintf(text, sizeof text, "%u", (unsigned int)value);
	attr_put_str_as(to, encoding, name, text);
}

void
attr_put_long_as(struct buf *to, enum attr_encoding encoding, const char *name, long value)
{
	char text[32];

	snprintf(text, sizeof text, "%lu", (unsigned long)value);
	attr_put_str_as(to, encoding, name, text);
}

void
attr_put_data_as(struct buf *to, enum attr_encoding encoding, const char *name, const void *bytes, size_t len)
{
	put_name(to, encoding, name);
	hex_base64_encode(to, bytes, len);
	buf_add_byte(to, encoding == ATTR_NULL ? 0 : '\n');
}

static void
put_brace(struct buf *to, enum attr_encoding encoding, char brace)
{
	switch (encoding) {
	case ATTR_NULL:
		buf_add_byte(to, brace);
		buf_add_byte(to, 0);
		break;
	case ATTR_PLAIN:
		/* Postfix sends the zero byte too. */
		buf_add_byte(to, brace);
		buf_add_byte(to, 0);
		buf_add_byte(to, '\n');
		break;
	case ATTR_BASE64:
		hex_base64_encode(to, &brace, 1);
		buf_add_byte(to, '\n');
		break;
	}
}

void
attr_put_hash_as(struct buf *to, enum attr_encoding encoding, const struct table *hash)
{
	size_t at = 0;
	void *value;
	const char *name;

	put_brace(to, encoding, '{');
	while ((name = table_next(hash, &at, &value)))
		attr_put_str_as(to, encoding, name, value);
	put_brace(to, encoding, '}');
}

void
attr_put_end_as(struct buf *to, enum attr_encoding encoding)
{
	buf_add_byte(to, encoding == ATTR_NULL ? 0 : '\n');
}

void
attr_put_int(struct buf *to, const char *name, int value)
{
	attr_put_int_as(to, ATTR_NULL, name, value);
}

void
attr_put_str(struct buf *to, const char *name, const char *value)
{
	attr_put_str_as(to, ATTR_NULL, name, value);
}

void
attr_put_data(struct buf *to, const char *name, const void *bytes, size_t len)
{
	attr_put_data_as(to, ATTR_NULL, name, bytes, len);
}

void
attr_put_end(struct buf *to)
{
	attr_put_end_as(to, ATTR_NULL);
}

/* --- framing --- */

/* What the next byte belongs to. A name that is just a brace has no value behind it. */
enum frame_at { NAME_START, NAME, BRACE, VALUE };

void
attr_frame_init(struct attr_frame *frame, size_t limit)
{
	*frame = (struct attr_frame){ .limit = limit, .at = NAME_START };
}

/* Looks at bytes[scanned] and what follows it without a change of state; true at the end of the list. */
static bool
frame_step(struct attr_frame *frame, const char *bytes, size_t len)
{
	const char *from = bytes + frame->scanned;
	const char *zero;

	switch (frame->at) {
	case NAME_START:
		frame->scanned++;
		if (*from == 0)
			return true;
		frame->at = *from == '{' || *from == '}' ? BRACE : NAME;
		return false;
	case BRACE:
		if (*from == 0)
			frame->scanned++;
		frame->at = *from == 0 ? NAME_START : NAME;
		return false;
	default:
		zero = memchr(from, 0, len - frame->scanned);
		frame->scanned = zero ? (size_t)(zero - bytes) + 1 : len;
		if (zero)
			frame->at = frame->at == NAME ? VALUE : NAME_START;
		return false;
	}
}

enum attr_progress
attr_frame_feed(struct attr_frame *frame, const void *bytes, size_t len, size_t *list_len)
{
	size_t within = len < frame->limit ? len : frame->limit;

	while (frame->scanned < within) {
		if (frame_step(frame, bytes, within)) {
			*list_len = frame->scanned;
			return ATTR_COMPLETE;
		}
	}
	return within == frame->limit ? ATTR_TOO_LONG : ATTR_MORE;
}
