/* SPDX-License-Identifier: ISC */
/*
 * fuzz_gate_content: the content of messages on its way through tlsgate. The first byte says whether it is
 * one line, and how large the pieces are in which it comes: the result is the same, has one reading, and
 * nothing is lost.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tlsgate/gate_content.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool
pass(bool one_line, const uint8_t *bytes, size_t len, size_t piece, struct buf *out, struct buf *rest)
{
	struct gate_content content;
	bool ended = false;
	size_t at = 0;

	gate_content_init(&content, one_line);
	while (at < len && !ended) {
		size_t n = len - at < piece ? len - at : piece;
		buf_add(rest, bytes + at, n);
		at += n;
		ended = gate_content_pass(&content, rest, out);
		if (!ended && rest->len > 0)
			abort();
	}
	buf_add(rest, bytes + at, len - at);
	return ended;
}

/* How many bytes are no line ends, and no dots; or how many are dots. */
static size_t
count(const char *bytes, size_t len, bool dots)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += dots ? bytes[i] == '.' : bytes[i] != '\r' && bytes[i] != '\n' && bytes[i] != '.';
	return n;
}

/* Dots may come in addition. */
static void
check_loss(const struct buf *out, const struct buf *rest, const char *bytes, size_t len)
{
	if (count(buf_str(out), out->len, false) + count(buf_str(rest), rest->len, false) !=
	    count(bytes, len, false))
		abort();
	if (count(buf_str(out), out->len, true) + count(buf_str(rest), rest->len, true) <
	    count(bytes, len, true))
		abort();
}

static void
check_reading(const struct buf *out, bool one_line, bool ended)
{
	size_t at = 0, lines = 0;

	for (const char *newline; (newline = memchr(buf_str(out) + at, '\n', out->len - at)) != NULL;
	     lines++) {
		size_t end = (size_t)(newline - out->bytes) + 1;
		bool dot = end - at == 3 && out->bytes[at] == '.';
		if (end - at < 2 || newline[-1] != '\r')
			abort();
		/* Nothing but the end looks like the end. */
		if ((one_line || dot) != (ended && end == out->len))
			abort();
		at = end;
	}
	if (ended && (lines == 0 || at != out->len))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct buf whole = BUF_INIT, rest = BUF_INIT, pieces = BUF_INIT, other = BUF_INIT;

	if (len == 0)
		return 0;
	bool one_line = bytes[0] & 1;
	size_t piece = (size_t)(bytes[0] >> 1) % 32 + 1;
	bool ended = pass(one_line, bytes + 1, len - 1, len, &whole, &rest);
	if (pass(one_line, bytes + 1, len - 1, piece, &pieces, &other) != ended)
		abort();
	if (whole.len != pieces.len || memcmp(buf_str(&whole), buf_str(&pieces), whole.len) != 0 ||
	    rest.len != other.len || memcmp(buf_str(&rest), buf_str(&other), rest.len) != 0)
		abort();
	check_reading(&whole, one_line, ended);
	check_loss(&whole, &rest, (const char *)bytes + 1, len - 1);
	buf_release(&whole);
	buf_release(&rest);
	buf_release(&pieces);
	buf_release(&other);
	return 0;
}
