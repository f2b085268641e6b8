/* SPDX-License-Identifier: ISC */
/*
 * listing: settings as postconf prints them.
 */
#ifndef MAIL_LISTING_H
#define MAIL_LISTING_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

struct listing_style {
	bool no_name;
	bool no_value;
	bool fold; /* at blanks, before column 80 */
};

/* Appends one setting. Runs of blanks, tabs, CR and LF in the value become one blank, none at its ends. */
void listing_add(struct buf *to, const struct listing_style *style, const char *name, const char *value);

/* What fits on a line: of main.cf, and, as Postfix counts, of master.cf. */
enum { LISTING_WIDTH = 80, LISTING_SERVICE_WIDTH = 79 };

/* A line in the making. */
struct listing_line {
	struct buf *to; /* borrowed */
	bool fold;
	size_t width;    /* one of the two above */
	size_t column;   /* bytes on it */
	bool is_started; /* a blank comes before the next word */
};

/* Appends a word; with `fold`, on a line of its own when it would not fit, unless that would make it a
 * comment. */
void listing_word(struct listing_line *line, const char *word, size_t len);

/* Begins another line of the same setting. */
void listing_break(struct listing_line *line);

#endif
