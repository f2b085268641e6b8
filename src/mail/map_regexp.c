/* SPDX-License-Identifier: ISC */
/*
 * map_regexp: regexp: tables, rules by POSIX regular expression.
 */
#include <regex.h>
#include <stdlib.h>

#include "mail/map_impl.h"
#include "mail/map_patterns.h"
#include "mail/map_rules.h"
#include "util/alloc.h"

static void
free_pattern(void *pattern)
{
	regfree(pattern);
	free(pattern);
}

static void *
compile(const struct map_patterns_place *place, const char *text, unsigned int options, size_t *parts)
{
	regex_t *regex = alloc_zero(sizeof *regex);
	int rc = regcomp(regex, text, (int)options);

	if (rc != 0) {
		char words[256];

		regerror(rc, regex, words, sizeof words);
		map_patterns_complain(place, "%s", words);
		free(regex);
		return NULL;
	}
	*parts = regex->re_nsub;
	return regex;
}

static bool
matches(const void *pattern, bool negated, const char *key, struct map_rules_match *match)
{
	const regex_t *regex = pattern;
	regmatch_t parts[MAP_RULES_CAPTURES];
	size_t count = regex->re_nsub < MAP_RULES_CAPTURES ? regex->re_nsub + 1 : MAP_RULES_CAPTURES;
	bool found = regexec(regex, key, count, parts, 0) == 0;

	for (size_t i = 0; i < count; i++) {
		match->from[i] = found ? (int)parts[i].rm_so : -1;
		match->to[i] = found ? (int)parts[i].rm_eo : -1;
	}
	return found != negated;
}

static void
take_line(struct map *map, struct map_rules *rules, char *line, int number)
{
	static const struct map_patterns_flag flags[] = {
		{ 'i', REG_ICASE },
		{ 'm', REG_NEWLINE },
		{ 'x', REG_EXTENDED },
		{ 0 },
	};
	static const struct map_patterns_dialect dialect = {
		.name = "regexp",
		.unclosed = "skipping this rule",
		.zero = "out-of-range replacement index \"%s\"",
		.flags_end = "!",
		.flags = flags,
		.options = REG_EXTENDED | REG_ICASE,
		.compile = compile,
		.free_pattern = free_pattern,
	};

	map_patterns_take_line(&(struct map_patterns_place){ &dialect, map, rules, number }, line);
}

static int
open_regexp(struct map *map, struct err *err)
{
	static const struct map_rules_syntax syntax = {
		.name = "regexp", .take_line = take_line, .matches = matches, .free_pattern = free_pattern
	};

	return map_rules_read(map, &syntax, err);
}

const struct map_type map_type_regexp = { .name = "regexp", .open = open_regexp, .get = map_rules_get };
