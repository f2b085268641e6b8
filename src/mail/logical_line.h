/* SPDX-License-Identifier: ISC */
/*
 * logical_line: the lines of main.cf and master.cf.
 *
 * A line that begins with white space continues the one before it; empty lines, lines of white space only and
 * lines whose first other character is '#' vanish wherever they stand. Only the newlines inside a logical
 * line are removed. Works on bytes in memory, in time linear to their number.
 */
#ifndef MAIL_LOGICAL_LINE_H
#define MAIL_LOGICAL_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

struct logical_line_reader {
	const char *file;  /* name for warnings; borrowed */
	const char *bytes; /* borrowed */
	size_t len;
	size_t at;  /* first byte not yet looked at */
	int number; /* physical lines before `at` */
};

void logical_line_init(struct logical_line_reader *in, const char *file, const void *bytes, size_t len);

/* Replaces `line` by the next logical line and *number by the number of its first physical line, counted
 * from 1. False at the end. Continuation lines with nothing before them are logged and dropped. `line` never
 * begins with white space and is never empty. It ends at a zero byte, if there is one. */
bool logical_line_next(struct logical_line_reader *in, struct buf *line, int *number);

/* White space of the C locale, whatever the locale. */
bool logical_line_is_space(char c);

/* Whether a physical line is blank or a comment. */
bool logical_line_is_comment(const char *line, size_t len);

/* Cuts white space at both ends of the string, in place; returns where it begins now. */
char *logical_line_trim(char *text);

#endif
