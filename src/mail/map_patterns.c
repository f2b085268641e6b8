/* SPDX-License-Identifier: ISC */
#include "mail/map_patterns.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/logical_line.h"
#include "mail/map_impl.h"
#include "mail/map_rules.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"

#define DIGITS "0123456789"
#define NAME   DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

/* A pattern that was read. */
struct pattern {
	void *compiled;
	size_t parts;
};

void
map_patterns_complain(const struct map_patterns_place *place, const char *format, const char *what)
{
	char *text = alloc_printf(format, what);

	log_warn("%s map %s, line %d: %s", place->dialect->name, place->map->name, place->number, text);
	free(text);
}

static bool
take_flag(const struct map_patterns_place *place, char letter, unsigned int *options)
{
	const struct map_patterns_flag *flag = place->dialect->flags;
	char shown[2] = { letter, '\0' };

	while (flag->letter && flag->letter != letter)
		flag++;
	if (!flag->letter) {
		map_patterns_complain(place, "unknown regexp option \"%s\": skipping this rule", shown);
		return false;
	}
	if (flag->option == 0)
		map_patterns_complain(place, "ignoring obsolete regexp option \"%s\"", shown);
	*options ^= flag->option;
	return true;
}

/* Compiles "/pattern/flags" and moves `at` behind it. False after logging. */
static bool
take_pattern(const struct map_patterns_place *place, char **at, struct pattern *pattern)
{
	const struct map_patterns_dialect *dialect = place->dialect;
	unsigned int options = dialect->options;
	char delimiter[2] = { **at, '\0' };

	if (!*delimiter) {
		map_patterns_complain(place, "%s: skipping this rule", "no regexp");
		return false;
	}

	char *start = *at + 1, *end = start;

	while (*end && *end != *delimiter)
		end += end[0] == '\\' && end[1] ? 2 : 1;
	if (!*end) {
		char *words =
		    alloc_printf("no closing regexp delimiter \"%s\": %s", delimiter, dialect->unclosed);

		map_patterns_complain(place, "%s", words);
		free(words);
		return false;
	}
	*end++ = '\0';
	for (; *end && !logical_line_is_space(*end) && !strchr(dialect->flags_end, *end); end++)
		if (!take_flag(place, *end, &options))
			return false;
	*at = end;
	pattern->compiled = dialect->compile(place, start, options, &pattern->parts);
	return pattern->compiled != NULL;
}

static bool
out_of_range(const struct map_patterns_place *place, const char *index)
{
	map_patterns_complain(place, "out of range replacement index \"%s\": skipping this rule", index);
	return false;
}

static bool
bad_replacement(const struct map_patterns_place *place)
{
	map_patterns_complain(place, "%s: skipping this rule", "bad replacement syntax");
	return false;
}

/* Whether a word behind $ is the number of a part. */
static bool
check_index(const struct map_patterns_place *place, const char *index, size_t *part)
{
	*part = strtoul(index, NULL, 10);
	if (strspn(index, DIGITS) != strlen(index))
		map_patterns_complain(place, "non-numeric replacement index \"%s\"", index);
	else if (*part == 0)
		map_patterns_complain(place, place->dialect->zero, index);
	else
		return *part < MAP_RULES_CAPTURES || out_of_range(place, index);
	return bad_replacement(place);
}

/* Whether every $ of a replacement is one that can be replaced; *highest is the highest part it names. */
static bool
check_replacement(const struct map_patterns_place *place, const char *text, size_t *highest)
{
	const char *at = text;

	*highest = 0;
	while ((at = strchr(at, '$')) != NULL) {
		char close = at[1] == '{' ? '}' : at[1] == '(' ? ')' : '\0';
		const char *word = at + (close ? 2 : 1);
		size_t part, len = close ? strcspn(word, (char[]){ close, '\0' }) : strspn(word, NAME);

		if (at[1] == '$') {
			at += 2;
			continue;
		}
		if (close && !word[len]) {
			log_warn("truncated macro reference: \"%s\"", text);
			return bad_replacement(place);
		}
		if (len == 0) {
			log_warn("empty macro name: \"%s\"", text);
			return bad_replacement(place);
		}

		char *index = alloc_string_n(word, len);
		bool good = check_index(place, index, &part);

		free(index);
		if (!good)
			return false;
		if (part > *highest)
			*highest = part;
		at = word + len + (close != '\0');
	}
	return true;
}

static struct map_value *
take_replacement(
    const struct map_patterns_place *place, size_t parts, bool negated, const char *text, bool *captures)
{
	struct map_value *value;
	size_t highest = 0;
	struct err err;

	if (!*text)
		map_patterns_complain(place, "%s", "no replacement text: using empty string");
	/* Names of files are not made of what matched. */
	*captures = !(place->map->flags & MAP_FILES) && strchr(text, '$');
	if (*captures && !check_replacement(place, text, &highest))
		return NULL;
	if (negated && highest > 0) {
		map_patterns_complain(
		    place, "%s: skipping this rule", "$number found in negative match replacement text");
		return NULL;
	}
	if (highest > parts) {
		char *index = alloc_printf("%zu", highest);

		out_of_range(place, index);
		free(index);
		return NULL;
	}
	value = map_value_of(place->map, text, &err);
	if (!value)
		map_patterns_complain(place, "%s: skipping this rule", err.text);
	return value;
}

static void
take_if(const struct map_patterns_place *place, char *rest)
{
	bool negated = map_rules_take_negation(&rest);
	struct pattern pattern;

	if (!take_pattern(place, &rest, &pattern))
		return;
	rest = logical_line_trim(rest);
	if (*rest) {
		map_patterns_complain(place, "ignoring extra text after IF statement: \"%s\"", rest);
		map_patterns_complain(
		    place, "%s", "do not prepend whitespace to statements between IF and ENDIF");
	}
	map_rules_add_if(place->rules, place->number, pattern.compiled, negated);
}

/* "/pattern/!/other/" stands for the pattern inside IF !/other/ and ENDIF. */
static void
take_rule(const struct map_patterns_place *place, char *line)
{
	bool negated = map_rules_take_negation(&line), captures;
	struct pattern pattern, other = { 0 };
	struct map_value *value = NULL;

	if (!take_pattern(place, &line, &pattern))
		return;

	bool is_double = *line == '!', other_negated = is_double && map_rules_take_negation(&line);

	if (!is_double || take_pattern(place, &line, &other))
		value = take_replacement(place, pattern.parts, negated, logical_line_trim(line), &captures);
	if (!value) {
		place->dialect->free_pattern(pattern.compiled);
		if (other.compiled)
			place->dialect->free_pattern(other.compiled);
		return;
	}
	if (is_double)
		map_rules_add_if(place->rules, place->number, other.compiled, other_negated);
	map_rules_add(place->rules, place->number, pattern.compiled, negated, value, captures);
	if (is_double && !map_rules_add_endif(place->rules))
		log_panic("an IF without end");
}

static bool
begins_with(const char *line, const char *word)
{
	size_t len = strlen(word);

	return strncasecmp(line, word, len) == 0 && (!line[len] || !strchr(NAME, line[len]));
}

static bool
is_delimiter(char c)
{
	return c && strchr("!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~\\", c);
}

void
map_patterns_take_line(const struct map_patterns_place *place, char *line)
{
	if (is_delimiter(*line))
		take_rule(place, line);
	else if (begins_with(line, "IF"))
		take_if(place, line + 2);
	else if (!begins_with(line, "ENDIF"))
		map_patterns_complain(place, "%s", "ignoring unrecognized request");
	else if (!map_rules_add_endif(place->rules))
		map_patterns_complain(place, "%s", "ignoring ENDIF without matching IF");
}
