/* SPDX-License-Identifier: ISC */
#include "mail/logical_line.h"

#include <string.h>

#include "util/buf.h"
#include "util/log.h"

enum { SHOWN = 30 };

struct physical_line {
	const char *bytes;
	size_t len; /* without the newline */
	size_t end; /* offset behind the newline */
	int number;
};

void
logical_line_init(struct logical_line_reader *in, const char *file, const void *bytes, size_t len)
{
	*in = (struct logical_line_reader){ .file = file, .bytes = bytes, .len = len };
}

bool
logical_line_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

char *
logical_line_trim(char *text)
{
	size_t len;

	while (logical_line_is_space(*text))
		text++;
	len = strlen(text);
	while (len > 0 && logical_line_is_space(text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

bool
logical_line_is_comment(const char *line, size_t len)
{
	size_t i = 0;

	while (i < len && logical_line_is_space(line[i]))
		i++;
	return i == len || line[i] == '#';
}

/* The next physical line that is not blank or comment; false at the end. `in` does not move past it. */
static bool
peek(struct logical_line_reader *in, struct physical_line *line)
{
	while (in->at < in->len) {
		const char *from = in->bytes + in->at;
		const char *newline = memchr(from, '\n', in->len - in->at);

		line->bytes = from;
		line->len = newline != NULL ? (size_t)(newline - from) : in->len - in->at;
		line->end = in->at + line->len + (newline != NULL);
		line->number = in->number + 1;
		/* What is behind a zero byte is not there for readers of C strings. */
		if (!logical_line_is_comment(from, strnlen(from, line->len)))
			return true;
		in->at = line->end;
		in->number++;
	}
	return false;
}

static void
take(struct logical_line_reader *in, const struct physical_line *line, struct buf *to)
{
	buf_add(to, line->bytes, line->len);
	in->at = line->end;
	in->number++;
}

bool
logical_line_next(struct logical_line_reader *in, struct buf *line, int *number)
{
	struct physical_line next;

	while (peek(in, &next)) {
		buf_clear(line);
		*number = next.number;
		take(in, &next, line);
		while (peek(in, &next) && logical_line_is_space(next.bytes[0]))
			take(in, &next, line);
		/* A zero byte ends the text for every reader of C strings; nothing may hide behind it. */
		buf_truncate(line, strlen(buf_str(line)));
		if (!logical_line_is_space(line->bytes[0]))
			return true;
		log_warn("%s: logical line must not start with whitespace: \"%.*s%s\"", in->file, SHOWN,
		    line->bytes, line->len > SHOWN ? "..." : "");
	}
	return false;
}
