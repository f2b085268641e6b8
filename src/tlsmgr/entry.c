/* SPDX-License-Identifier: ISC */
#include "tlsmgr/entry.h"

#include <stdbool.h>
#include <string.h>

#include "util/buf.h"
#include "util/now.h"
#include "util/hex.h"

enum {
	STAMP_LEN = sizeof(int64_t),
	DIGITS = 2 * STAMP_LEN,
};

_Static_assert(ENTRY_OVERHEAD == DIGITS + 1, "the digits and a zero byte");

void
entry_encode(struct buf *to, int64_t stamp, const void *session, size_t len)
{
	buf_clear(to);
	buf_reserve(
	    to, ENTRY_OVERHEAD + 2 * STAMP_LEN + len); /* at once; hex_encode asks for more than it uses */
	hex_encode(to, &stamp, STAMP_LEN, 0);
	buf_add_byte(to, 0);
	buf_add(to, session, len);
}

/* Without the ':' between pairs. */
static void
take_digits(struct buf *digits, const char *text, size_t len)
{
	char *to = buf_reserve(digits, len);

	for (size_t at = 0; at < len; at++)
		if (text[at] != ':' || digits->len == 0 || digits->len % 2 != 0 || at + 1 == len ||
		    text[at - 1] == ':')
			to[digits->len++] = text[at];
	buf_terminate(digits);
}

/* The stamp is moved from the front of `session` to where it belongs. */
static enum entry_verdict
decode_text(const char *text, size_t len, int64_t *stamp, struct buf *session)
{
	struct buf digits = BUF_INIT;

	if (len < DIGITS)
		return ENTRY_TRUNCATED;
	take_digits(&digits, text, len);
	bool good = hex_decode(session, digits.bytes, digits.len);
	buf_release_secret(&digits);
	if (!good)
		return ENTRY_MALFORMED;
	if (session->len < STAMP_LEN) {
		buf_clear(session);
		return ENTRY_TRUNCATED;
	}
	memcpy(stamp, session->bytes, STAMP_LEN);
	buf_consume(session, STAMP_LEN);
	return ENTRY_GOOD;
}

enum entry_verdict
entry_decode(const void *bytes, size_t len, int64_t *stamp, struct buf *session)
{
	const char *text = bytes;

	*stamp = 0;
	buf_clear(session);
	if (len > DIGITS && text[DIGITS] == 0) {
		enum entry_verdict verdict = decode_text(text, DIGITS, stamp, session);

		if (verdict == ENTRY_GOOD)
			buf_add(session, text + ENTRY_OVERHEAD, len - ENTRY_OVERHEAD);
		return verdict;
	}
	if (len > 0 && text[len - 1] == 0)
		len--;
	return decode_text(text, len, stamp, session);
}

int64_t
entry_age_s(int64_t stamp)
{
	int64_t now = now_wall();

	return stamp < now ? now - stamp : 0;
}
