/* SPDX-License-Identifier: ISC */
#include "mail/listing.h"

#include <string.h>

#include "util/buf.h"
#include "util/text.h"

#define INDENT "    "

void
listing_break(struct listing_line *line)
{
	buf_add_str(line->to, "\n" INDENT);
	line->column = strlen(INDENT);
	line->is_started = false;
}

void
listing_word(struct listing_line *line, const char *word, size_t len)
{
	/* At the beginning of a line it would be a comment, and gone. */
	bool comment = len > 0 && *word == '#';

	if (line->is_started && line->fold && !comment && line->column + 1 + len > line->width)
		listing_break(line);
	if (line->is_started) {
		buf_add_byte(line->to, ' ');
		line->column++;
	}
	buf_add(line->to, word, len);
	line->column += len;
	line->is_started = true;
}

void
listing_add(struct buf *to, const struct listing_style *style, const char *name, const char *value)
{
	struct listing_line line = { .to = to, .fold = style->fold, .width = LISTING_WIDTH };
	const char *word;
	size_t len;

	if (!style->no_name)
		listing_word(&line, name, strlen(name));
	if (!style->no_name && !style->no_value)
		listing_word(&line, "=", 1);
	while (!style->no_value && (word = text_token(&value, " \t\r\n", &len)) != NULL)
		listing_word(&line, word, len);
	buf_add_byte(to, '\n');
}
