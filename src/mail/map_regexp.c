/* SPDX-License-Identifier: ISC */
/*
 * map_regexp: regexp: tables, rules by POSIX regular expression.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/logical_line.h"
#include "mail/map_impl.h"
#include "mail/map_rules.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"

/* Where a rule stands, for the log. */
struct place {
	struct map *map;
	struct map_rules *rules;
	int number;
};

static void
complain(const struct place *place, const char *format, const char *what)
{
	char *text = alloc_printf(format, what);

	log_warn("regexp map %s, line %d: %s", place->map->name, place->number, text);
	free(text);
}

static void
free_pattern(void *pattern)
{
	regfree(pattern);
	free(pattern);
}

/* Compiles "/pattern/flags" and moves `at` behind it. NULL after logging. */
static regex_t *
take_pattern(const struct place *place, char **at)
{
	int options = REG_EXTENDED | REG_ICASE;
	char *start = *at + 1, *end = start;
	char delimiter[2] = { **at, '\0' };

	while (*end && *end != *delimiter)
		end += end[0] == '\\' && end[1] ? 2 : 1;
	if (!*end) {
		complain(place, "no closing regexp delimiter \"%s\": skipping this rule", delimiter);
		return NULL;
	}
	*end++ = '\0';
	for (; *end && !logical_line_is_space(*end) && *end != '!'; end++) {
		char option[2] = { *end, '\0' };

		if (*end == 'i') {
			options ^= REG_ICASE;
		} else if (*end == 'm') {
			options ^= REG_NEWLINE;
		} else if (*end == 'x') {
			options ^= REG_EXTENDED;
		} else {
			complain(place, "unknown regexp option \"%s\": skipping this rule", option);
			return NULL;
		}
	}
	*at = end;

	regex_t *regex = alloc_zero(sizeof *regex);
	int rc = regcomp(regex, start, options);
	if (rc != 0) {
		char words[256];

		regerror(rc, regex, words, sizeof words);
		complain(place, "%s", words);
		free(regex);
		return NULL;
	}
	return regex;
}

/* Whether every $ of a replacement is one that can be replaced; *highest is the highest part it names. */
static bool
check_replacement(const struct place *place, const char *text, size_t *highest)
{
	*highest = 0;
	while ((text = strchr(text, '$')) != NULL) {
		char close = text[1] == '{' ? '}' : text[1] == '(' ? ')' : '\0';
		const char *word = text + (close ? 2 : 1);
		size_t len =
		    close ? strcspn(word, (char[]){ close, '\0' })
			  : strspn(word, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");

		if (text[1] == '$') {
			text += 2;
			continue;
		}
		if (len == 0 || (close && !word[len]) || strspn(word, "0123456789") != len || *word == '0') {
			complain(place, "%s: skipping this rule", "bad replacement syntax");
			return false;
		}
		size_t part = strtoul(word, NULL, 10);
		if (part >= MAP_RULES_CAPTURES) {
			char *index = alloc_string_n(word, len);

			complain(place, "out of range replacement index \"%s\": skipping this rule", index);
			free(index);
			return false;
		}
		if (part > *highest)
			*highest = part;
		text = word + len + (close != '\0');
	}
	return true;
}

static struct map_value *
take_replacement(
    const struct place *place, const regex_t *regex, bool negated, const char *text, bool *captures)
{
	struct map_value *value;
	size_t highest = 0;
	struct err err;

	if (!*text)
		complain(place, "%s", "no replacement text: using empty string");
	/* Names of files are not made of what matched. */
	*captures = !(place->map->flags & MAP_FILES) && strchr(text, '$');
	if (*captures && !check_replacement(place, text, &highest))
		return NULL;
	if (negated && highest > 0) {
		complain(place, "%s: skipping this rule", "$number found in negative match replacement text");
		return NULL;
	}
	if (highest > regex->re_nsub) {
		char *index = alloc_printf("%zu", highest);

		complain(place, "out of range replacement index \"%s\": skipping this rule", index);
		free(index);
		return NULL;
	}
	value = map_value_of(place->map, text, &err);
	if (!value)
		complain(place, "%s: skipping this rule", err.text);
	return value;
}

static bool
take_negation(char **text)
{
	bool negated = false;

	while (**text == '!' || logical_line_is_space(**text)) {
		negated ^= **text == '!';
		(*text)++;
	}
	return negated;
}

static bool
is_delimiter(char c)
{
	return c && !logical_line_is_space(c) && strchr("!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~", c);
}

static void
take_if(const struct place *place, char *rest)
{
	bool negated = take_negation(&rest);
	regex_t *regex;

	if (!is_delimiter(*rest)) {
		complain(place, "%s: skipping this rule", "no regexp");
		return;
	}
	regex = take_pattern(place, &rest);
	if (!regex)
		return;
	rest = logical_line_trim(rest);
	if (*rest)
		complain(place, "ignoring extra text after IF statement: \"%s\"", rest);
	map_rules_add_if(place->rules, place->number, regex, negated);
}

static void
take_rule(const struct place *place, char *line)
{
	bool negated = take_negation(&line);
	regex_t *regex = take_pattern(place, &line);
	struct map_value *value;
	bool captures;

	if (!regex)
		return;
	value = take_replacement(place, regex, negated, logical_line_trim(line), &captures);
	if (value)
		map_rules_add(place->rules, place->number, regex, negated, value, captures);
	else
		free_pattern(regex);
}

static void
take_line(struct map *map, struct map_rules *rules, char *line, int number)
{
	struct place place = { map, rules, number };

	if (is_delimiter(*line) || *line == '!') {
		take_rule(&place, line);
	} else if (strncasecmp(line, "IF", 2) == 0 && (!line[2] || logical_line_is_space(line[2]))) {
		take_if(&place, line + 2);
	} else if (strncasecmp(line, "ENDIF", 5) == 0 && (!line[5] || logical_line_is_space(line[5]))) {
		if (!map_rules_add_endif(rules))
			complain(&place, "%s", "ignoring ENDIF without matching IF");
	} else {
		complain(&place, "%s", "ignoring unrecognized request");
	}
}

static bool
matches(const void *pattern, bool negated, const char *key, struct map_rules_match *match)
{
	regmatch_t parts[MAP_RULES_CAPTURES];
	bool found = regexec(pattern, key, MAP_RULES_CAPTURES, parts, 0) == 0;

	for (int i = 0; i < MAP_RULES_CAPTURES; i++) {
		match->from[i] = found ? (int)parts[i].rm_so : -1;
		match->to[i] = found ? (int)parts[i].rm_eo : -1;
	}
	return found != negated;
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
