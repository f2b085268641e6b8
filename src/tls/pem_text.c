/* SPDX-License-Identifier: ISC */
#include "tls/pem_text.h"

#include <stdbool.h>
#include <string.h>

static const char dashes[] = "-----";
static const char begin[] = "-----BEGIN ";
static const char end[] = "-----END ";

static bool
starts_with(const char *line, size_t len, const char *word)
{
	return len >= strlen(word) && memcmp(line, word, strlen(word)) == 0;
}

static bool
is_complete(const char *line, size_t len)
{
	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	return len > strlen(begin) && memcmp(line + len - strlen(dashes), dashes, strlen(dashes)) == 0;
}

/* The last line, when no newline ends it: the beginning of more than it says? */
static bool
is_cut_off(const char *line, size_t len)
{
	return len > 0 && line[0] == '-' && !(starts_with(line, len, end) && is_complete(line, len));
}

int
pem_text_blocks(const char *text, size_t len)
{
	bool inside = false;
	int blocks = 0;

	while (len > 0) {
		const char *newline = memchr(text, '\n', len);
		size_t line = newline ? (size_t)(newline - text) : len;

		if (!newline && is_cut_off(text, line))
			return -1;
		if (starts_with(text, line, begin) && is_complete(text, line)) {
			if (inside)
				return -1;
			inside = true;
		} else if (starts_with(text, line, end) && is_complete(text, line) && inside) {
			inside = false;
			blocks++;
		}
		text += line + (newline ? 1 : 0);
		len -= line + (newline ? 1 : 0);
	}
	return inside ? -1 : blocks;
}
