/* SPDX-License-Identifier: ISC */
/*
 * map_pcre: pcre: tables, rules by the regular expressions of Perl, over bytes.
 *
 * What a match may cost is limited, so that no pattern keeps a process from its other work; a rule that goes
 * beyond is no match, negated or not.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "mail/map_impl.h"
#include "mail/map_patterns.h"
#include "mail/map_rules.h"
#include "util/alloc.h"
#include "util/log.h"

enum {
	MATCH_LIMIT = 1000000, /* steps back and forth: some hundredths of a second */
	DEPTH_LIMIT = 100000,
	HEAP_LIMIT_KIB = 16 * 1024,
};

struct pattern {
	pcre2_code *code;            /* owned */
	pcre2_match_data *data;      /* owned */
	pcre2_match_context *limits; /* owned */
	char *place;                 /* owned; for the log */
};

static void
free_pattern(void *pattern)
{
	struct pattern *it = pattern;

	pcre2_match_context_free(it->limits);
	pcre2_match_data_free(it->data);
	pcre2_code_free(it->code);
	free(it->place);
	free(it);
}

static pcre2_code *
compile_code(const struct map_patterns_place *place, const char *text, unsigned int options)
{
	int error;
	PCRE2_SIZE at;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &error, &at, NULL);

	if (!code) {
		PCRE2_UCHAR reason[256];

		pcre2_get_error_message(error, reason, sizeof reason);

		char *words = alloc_printf("error in regex at offset %zu: %s", at, (const char *)reason);

		map_patterns_complain(place, "%s", words);
		free(words);
	}
	return code;
}

static void *
compile(const struct map_patterns_place *place, const char *text, unsigned int options, size_t *parts)
{
	pcre2_code *code = compile_code(place, text, options);
	uint32_t count = 0;

	if (!code)
		return NULL;
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &count);
	*parts = count;

	struct pattern *pattern = alloc_zero(sizeof *pattern);

	pattern->code = code;
	pattern->data = pcre2_match_data_create_from_pattern(code, NULL);
	pattern->limits = pcre2_match_context_create(NULL);
	pattern->place = alloc_printf("pcre map %s, line %d", place->map->name, place->number);
	if (!pattern->data || !pattern->limits)
		log_fatal("out of memory");
	pcre2_set_match_limit(pattern->limits, MATCH_LIMIT);
	pcre2_set_depth_limit(pattern->limits, DEPTH_LIMIT);
	pcre2_set_heap_limit(pattern->limits, HEAP_LIMIT_KIB);
	return pattern;
}

static void
note_parts(const struct pattern *pattern, struct map_rules_match *match)
{
	const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(pattern->data);
	uint32_t count = pcre2_get_ovector_count(pattern->data);

	for (uint32_t i = 0; i < count && i < MAP_RULES_CAPTURES; i++) {
		/* \K in a look-ahead can put the start behind the end. */
		bool is_there = ends[2 * i] != PCRE2_UNSET && ends[2 * i] <= ends[2 * i + 1];

		match->from[i] = is_there ? (int)ends[2 * i] : -1;
		match->to[i] = is_there ? (int)ends[2 * i + 1] : -1;
	}
}

static bool
matches(const void *of, bool negated, const char *key, struct map_rules_match *match)
{
	const struct pattern *pattern = of;
	int rc =
	    pcre2_match(pattern->code, (PCRE2_SPTR)key, strlen(key), 0, 0, pattern->data, pattern->limits);

	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) {
		PCRE2_UCHAR reason[256];

		pcre2_get_error_message(rc, reason, sizeof reason);
		log_warn("%s: %s", pattern->place, (const char *)reason);
		return false;
	}
	if (rc >= 0)
		note_parts(pattern, match);
	return (rc >= 0) != negated;
}

static void
take_line(struct map *map, struct map_rules *rules, char *line, int number)
{
	static const struct map_patterns_flag flags[] = {
		{ 'i', PCRE2_CASELESS },
		{ 'm', PCRE2_MULTILINE },
		{ 's', PCRE2_DOTALL },
		{ 'x', PCRE2_EXTENDED },
		{ 'A', PCRE2_ANCHORED },
		{ 'E', PCRE2_DOLLAR_ENDONLY },
		{ 'U', PCRE2_UNGREEDY },
		{ 'X', 0 },
		{ 0 },
	};
	static const struct map_patterns_dialect dialect = {
		.name = "pcre",
		.unclosed = "ignoring this rule",
		.zero = "out of range replacement index \"%s\"",
		.flags_end = "",
		.flags = flags,
		.options = PCRE2_CASELESS | PCRE2_DOTALL,
		.compile = compile,
		.free_pattern = free_pattern,
	};

	map_patterns_take_line(&(struct map_patterns_place){ &dialect, map, rules, number }, line);
}

static int
open_pcre(struct map *map, struct err *err)
{
	static const struct map_rules_syntax syntax = {
		.name = "pcre", .take_line = take_line, .matches = matches, .free_pattern = free_pattern
	};

	return map_rules_read(map, &syntax, err);
}

const struct map_type map_type_pcre = { .name = "pcre", .open = open_pcre, .get = map_rules_get };
