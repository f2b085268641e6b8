/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_line.h"

#include <string.h>
#include <strings.h>

#include "util/buf.h"

enum gate_line
gate_line_take(struct buf *in, bool *skipping, struct buf *line)
{
	const char *bytes = buf_str(in);
	const char *newline = memchr(bytes, '\n', in->len);
	size_t taken = newline ? (size_t)(newline - bytes) + 1 : in->len;

	buf_clear(line);
	if (*skipping || taken > GATE_LINE_LIMIT || (!newline && taken == GATE_LINE_LIMIT)) {
		*skipping = !newline;
		buf_consume(in, taken);
		return newline ? GATE_LINE_TOO_LONG : GATE_LINE_MORE;
	}
	if (!newline)
		return GATE_LINE_MORE;

	size_t len = taken - 1;
	if (len > 0 && bytes[len - 1] == '\r')
		len--;
	bool malformed = memchr(bytes, 0, len) || memchr(bytes, '\r', len);
	if (!malformed)
		buf_add(line, bytes, len);
	buf_consume(in, taken);
	return malformed ? GATE_LINE_MALFORMED : GATE_LINE_COMMAND;
}

const char *
gate_line_word(const char *line, size_t *len, const char **rest)
{
	while (gate_line_is_blank(*line))
		line++;
	*len = 0;
	while (line[*len] && !gate_line_is_blank(line[*len]))
		++*len;
	*rest = line + *len;
	while (gate_line_is_blank(**rest))
		++*rest;
	return line;
}

bool
gate_line_is(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && strncasecmp(word, name, len) == 0;
}

ssize_t
gate_line_next(const char *bytes, size_t len, size_t *taken)
{
	const char *newline = memchr(bytes, '\n', len);

	if (!newline)
		return -1;
	size_t text = (size_t)(newline - bytes);
	*taken = text + 1;
	return (ssize_t)(text > 0 && bytes[text - 1] == '\r' ? text - 1 : text);
}

bool
gate_line_has_literal(const char *line, size_t len, size_t *size, bool *waits)
{
	size_t end = len, digits = 0, scale = 1;

	while (end > 0 && gate_line_is_blank(line[end - 1]))
		end--;
	if (end < 3 || line[--end] != '}')
		return false;
	*waits = line[end - 1] != '+' && line[end - 1] != '-';
	if (!*waits)
		end--;
	*size = 0;
	for (; end > 0 && line[end - 1] >= '0' && line[end - 1] <= '9'; end--, digits++) {
		/* Larger than any limit is all that matters then. */
		if (digits < 9)
			*size += (size_t)(line[end - 1] - '0') * scale;
		else if (line[end - 1] != '0')
			*size = 1000000000;
		scale *= digits < 9 ? 10 : 1;
	}
	return digits > 0 && end > 0 && line[end - 1] == '{';
}

int
gate_line_with_literals(const char *bytes, size_t len, size_t *text, size_t *taken)
{
	size_t at = 0, size, one;
	bool waits;

	for (;;) {
		ssize_t line = gate_line_next(bytes + at, len - at, &one);
		if (line < 0)
			return len - at >= GATE_LINE_LIMIT || len >= GATE_LINE_ANSWER_LIMIT ? -1 : 0;
		if (one > GATE_LINE_LIMIT || at + one > GATE_LINE_ANSWER_LIMIT)
			return -1;
		*text = at + (size_t)line;
		*taken = at + one;
		if (!gate_line_has_literal(bytes + at, (size_t)line, &size, &waits))
			return 1;
		if (size > GATE_LINE_ANSWER_LIMIT - *taken)
			return -1;
		if (size > len - *taken)
			return 0;
		at = *taken + size;
	}
}
