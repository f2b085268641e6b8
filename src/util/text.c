/* SPDX-License-Identifier: ISC */
#include "util/text.h"

#include <string.h>

size_t
text_utf8_length(const char *text, size_t left)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t len;
	unsigned long code;

	if (at[0] < 0x80)
		return 1;
	if (at[0] >= 0xc2 && at[0] <= 0xdf) {
		len = 2;
		code = at[0] & 0x1f;
	} else if ((at[0] & 0xf0) == 0xe0) {
		len = 3;
		code = at[0] & 0x0f;
	} else if (at[0] >= 0xf0 && at[0] <= 0xf4) {
		len = 4;
		code = at[0] & 0x07;
	} else {
		return 0;
	}
	if (len > left)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	if (len == 3 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff)))
		return 0;
	if (len == 4 && (code < 0x10000 || code > 0x10ffff))
		return 0;
	return len;
}

/* U+0080 to U+009F do to a terminal what ESC and a letter do. */
static bool
is_control(const unsigned char *at, size_t len)
{
	return len == 1 ? at[0] < 0x20 || at[0] == 0x7f : len == 2 && at[0] == 0xc2 && at[1] < 0xa0;
}

char *
text_printable(char *text)
{
	unsigned char *at = (unsigned char *)text;
	size_t left = strlen(text);

	while (left > 0) {
		size_t len = text_utf8_length((const char *)at, left);
		if (len == 0 || is_control(at, len)) {
			*at = '?';
			len = 1;
		}
		at += len;
		left -= len;
	}
	return text;
}

bool
text_is_utf8(const char *text, size_t len)
{
	while (len > 0) {
		size_t step = text_utf8_length(text, len);
		if (step == 0)
			return false;
		text += step;
		len -= step;
	}
	return true;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
text_equal_nocase(const char *a, const char *b)
{
	while (*a && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return lower(*a) == lower(*b);
}

char *
text_lower(char *text)
{
	for (char *at = text; *at; at++)
		*at = lower(*at);
	return text;
}

bool
text_number(const char *text, uint64_t max, uint64_t *number)
{
	uint64_t sum = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		uint64_t digit = (uint64_t)(*text - '0');
		if (sum > (UINT64_MAX - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	if (sum > max)
		return false;
	*number = sum;
	return true;
}

const char *
text_token(const char **at, const char *separators, size_t *len)
{
	const char *start = *at + strspn(*at, separators);

	*len = strcspn(start, separators);
	*at = start + *len;
	return *len ? start : NULL;
}

const char *
text_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
