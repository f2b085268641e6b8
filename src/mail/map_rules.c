/* SPDX-License-Identifier: ISC */
#include "mail/map_rules.h"

#include <stdlib.h>
#include <string.h>

#include "mail/braces.h"
#include "mail/logical_line.h"
#include "mail/map_impl.h"
#include "mail/map_source.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

struct rule {
	void *pattern; /* owned */
	bool negated;
	bool captures;
	int line;
	struct map_value *value; /* owned; NULL: an IF */
	size_t end;              /* of an IF: the rule behind its ENDIF */
};

struct map_rules {
	const struct map_rules_syntax *syntax;
	struct rule *rules; /* owned */
	size_t count, room;
	size_t *open; /* owned; IFs that wait for their ENDIF */
	size_t depth;
};

static struct rule *
add(struct map_rules *rules, int line, void *pattern, bool negated)
{
	if (rules->count == rules->room) {
		rules->room = rules->room > 0 ? 2 * rules->room : 16;
		rules->rules = alloc_resize(rules->rules, rules->room, sizeof *rules->rules);
	}

	struct rule *rule = &rules->rules[rules->count++];
	*rule = (struct rule){ .pattern = pattern, .negated = negated, .line = line };
	return rule;
}

void
map_rules_add(
    struct map_rules *rules, int line, void *pattern, bool negated, struct map_value *value, bool captures)
{
	struct rule *rule = add(rules, line, pattern, negated);

	rule->value = value;
	rule->captures = captures;
}

void
map_rules_add_if(struct map_rules *rules, int line, void *pattern, bool negated)
{
	rules->open = alloc_resize(rules->open, rules->depth + 1, sizeof *rules->open);
	rules->open[rules->depth++] = rules->count;
	add(rules, line, pattern, negated);
}

bool
map_rules_add_endif(struct map_rules *rules)
{
	if (rules->depth == 0)
		return false;
	rules->rules[rules->open[--rules->depth]].end = rules->count;
	return true;
}

/* The rules of "{{rule}, {rule}}", a line each. 0 or -1. */
static int
take_apart(char *word, struct buf *text, struct err *err)
{
	char *inside;
	const char *at;
	int result = braces_take_off(word, &inside, err);

	at = inside;
	while (result == 0 && (word = map_next_word(&at)) != NULL) {
		if (*word != '{')
			result = err_set(err, "no '{' at start of text in \"%s\"", word);
		else
			result = braces_take_off(word, &inside, err);
		if (result == 0)
			buf_printf(text, "%s\n", inside);
		free(word);
	}
	return result;
}

static int
read_text(struct map *map, const struct map_rules_syntax *syntax, struct buf *text, struct err *err)
{
	if (*map->name == '{') {
		char *copy = alloc_string(map->name);
		int result = take_apart(copy, text, err);

		free(copy);
		return result < 0 ? err_prefix(err, "%s map", syntax->name) : 0;
	}
	if (map_source_read(map->source, map->name, MAP_SOURCE_LIMIT, text, err) < 0)
		return -1;
	map_add_file(map, map->name);
	return 0;
}

int
map_rules_read(struct map *map, const struct map_rules_syntax *syntax, struct err *err)
{
	struct buf text = BUF_INIT, line = BUF_INIT;
	struct logical_line_reader reader;
	int number;

	if (read_text(map, syntax, &text, err) < 0) {
		buf_release(&text);
		return -1;
	}
	map->rules = alloc_zero(sizeof *map->rules);
	map->rules->syntax = syntax;
	logical_line_init(&reader, map->name, buf_str(&text), text.len);
	while (logical_line_next(&reader, &line, &number))
		syntax->take_line(map, map->rules, line.bytes, number);
	while (map->rules->depth > 0) {
		log_warn("%s map %s, line %d: IF has no matching ENDIF", syntax->name, map->name,
		    map->rules->rules[map->rules->open[map->rules->depth - 1]].line);
		map_rules_add_endif(map->rules);
	}
	buf_release(&line);
	buf_release(&text);
	return 0;
}

bool
map_rules_take_negation(char **text)
{
	bool negated = false;

	while (**text == '!' || logical_line_is_space(**text)) {
		negated ^= **text == '!';
		(*text)++;
	}
	return negated;
}

void
map_rules_free(struct map_rules *rules)
{
	if (!rules)
		return;
	for (size_t i = 0; i < rules->count; i++) {
		rules->syntax->free_pattern(rules->rules[i].pattern);
		map_value_free(rules->rules[i].value);
	}
	free(rules->open);
	free(rules->rules);
	free(rules);
}

/* $1, ${1}, $(1) and $$ are all there can be: the rest was refused when the rule was read. */
static void
put_captures(struct buf *to, const char *text, const char *key, const struct map_rules_match *match)
{
	for (; *text; text++) {
		if (*text != '$' || text[1] == '$') {
			buf_add_byte(to, *text);
			text += *text == '$';
			continue;
		}
		bool enclosed = text[1] == '{' || text[1] == '(';
		char *end;
		unsigned long part = strtoul(text + 1 + enclosed, &end, 10);

		if (match->from[part] >= 0)
			buf_add(to, key + match->from[part], (size_t)(match->to[part] - match->from[part]));
		text = enclosed ? end : end - 1;
	}
}

int
map_rules_get(const struct map *map, const char *key, struct buf *value, struct err *err)
{
	const struct map_rules *rules = map->rules;
	struct map_rules_match match;

	(void)err;
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->rules[i];
		bool matches = rules->syntax->matches(rule->pattern, rule->negated, key, &match);

		if (!rule->value) {
			if (!matches)
				i = rule->end - 1;
			continue;
		}
		if (!matches)
			continue;
		if (rule->captures)
			put_captures(value, rule->value->bytes, key, &match);
		else
			buf_add(value, rule->value->bytes, rule->value->len);
		return 1;
	}
	return 0;
}
