/* SPDX-License-Identifier: ISC */
/*
 * map_patterns: the lines of regexp: and pcre: tables, [!]/pattern/flags text, with IF and ENDIF: all but
 * what a pattern means.
 */
#ifndef MAIL_MAP_PATTERNS_H
#define MAIL_MAP_PATTERNS_H

#include <stddef.h>

struct map;
struct map_rules;
struct map_patterns_dialect;

/* Where a rule stands, for the log. */
struct map_patterns_place {
	const struct map_patterns_dialect *dialect;
	struct map *map;
	struct map_rules *rules;
	int number;
};

/* A letter behind the pattern, which turns an option over; 0: it means nothing any more. */
struct map_patterns_flag {
	char letter;
	unsigned int option;
};

struct map_patterns_dialect {
	const char *name;      /* of the type */
	const char *unclosed;  /* what becomes of a rule without its second delimiter */
	const char *zero;      /* what is wrong with $0 */
	const char *flags_end; /* what ends the flags, besides white space: "!" before a second pattern */
	const struct map_patterns_flag *flags; /* up to letter 0 */
	unsigned int options;                  /* without flags */
	/* NULL after logging; else *parts is the number of those in parentheses. */
	void *(*compile)(
	    const struct map_patterns_place *place, const char *text, unsigned int options, size_t *parts);
	void (*free_pattern)(void *pattern);
};

/* One logical line, for struct map_rules_syntax. */
void map_patterns_take_line(const struct map_patterns_place *place, char *line);

/* Logs a warning about the line; `format` has one %s, for `what`. */
void map_patterns_complain(const struct map_patterns_place *place, const char *format, const char *what);

#endif
