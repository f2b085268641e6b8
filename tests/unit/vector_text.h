/* SPDX-License-Identifier: ISC */
/*
 * vector_text: fields of the tables in tests/vectors as bytes: \n \t \r \f \\ \x20 \uXXXX, and (empty).
 */
#ifndef TEST_VECTOR_TEXT_H
#define TEST_VECTOR_TEXT_H

#include <stdlib.h>
#include <string.h>

#include "util/buf.h"

/* Code points below U+10000, which is all there are. */
static void
vector_text_add_utf8(struct buf *to, unsigned long code)
{
	if (code < 0x80) {
		buf_add_byte(to, (char)code);
	} else if (code < 0x800) {
		buf_add_byte(to, (char)(0xc0 | code >> 6));
		buf_add_byte(to, (char)(0x80 | (code & 0x3f)));
	} else {
		buf_add_byte(to, (char)(0xe0 | code >> 12));
		buf_add_byte(to, (char)(0x80 | (code >> 6 & 0x3f)));
		buf_add_byte(to, (char)(0x80 | (code & 0x3f)));
	}
}

/* Replaces `to`. */
__attribute__((unused)) static void
vector_text_decode(struct buf *to, const char *field)
{
	static const char letters[] = "ntrf\\", bytes[] = "\n\t\r\f\\";

	buf_clear(to);
	if (strcmp(field, "(empty)") == 0)
		return;
	for (; *field != '\0'; field++) {
		const char *letter = field[0] == '\\' && field[1] != '\0' ? strchr(letters, field[1]) : NULL;

		if (letter != NULL) {
			buf_add_byte(to, bytes[letter - letters]);
			field++;
		} else if (strncmp(field, "\\x20", 4) == 0) {
			buf_add_byte(to, ' ');
			field += 3;
		} else if (strncmp(field, "\\u", 2) == 0) {
			char digits[5] = "";

			strncpy(digits, field + 2, 4);
			vector_text_add_utf8(to, strtoul(digits, NULL, 16));
			field += 1 + strlen(digits);
		} else {
			buf_add_byte(to, *field);
		}
	}
}

/* "a | b" as one message a line, "-" as none. Replaces `to`. */
__attribute__((unused)) static void
vector_text_messages(struct buf *to, const char *field)
{
	buf_clear(to);
	if (strcmp(field, "-") == 0)
		return;
	for (; *field != '\0'; field++)
		if (strncmp(field, " | ", 3) == 0) {
			buf_add_byte(to, '\n');
			field += 2;
		} else {
			buf_add_byte(to, *field);
		}
	buf_add_byte(to, '\n');
}

#endif
