/* SPDX-License-Identifier: ISC */
#include "postconf/listing.h"

#include <string.h>

#include "util/buf.h"
#include "util/text.h"

enum { WIDTH = 80 };

#define INDENT "    "

static void
add_word(struct buf *to, bool fold, size_t *column, const char *word, size_t len)
{
	if (*column > 0) {
		bool is_too_long = fold && *column + 1 + len > WIDTH;

		buf_add_str(to, is_too_long ? "\n" INDENT : " ");
		*column = is_too_long ? strlen(INDENT) : *column + 1;
	}
	buf_add(to, word, len);
	*column += len;
}

void
listing_add(struct buf *to, const struct listing_style *style, const char *name, const char *value)
{
	size_t column = 0, len;
	const char *word;

	if (!style->no_name)
		add_word(to, style->fold, &column, name, strlen(name));
	if (!style->no_name && !style->no_value)
		add_word(to, style->fold, &column, "=", 1);
	while (!style->no_value && (word = text_token(&value, " \t\r\n", &len)) != NULL)
		add_word(to, style->fold, &column, word, len);
	buf_add_byte(to, '\n');
}
