/* SPDX-License-Identifier: ISC */
/*
 * map_rules: the rules of cidr:, regexp: and pcre: tables, in their order, with IF and ENDIF.
 */
#ifndef MAIL_MAP_RULES_H
#define MAIL_MAP_RULES_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct map;
struct map_rules;
struct map_value;

enum { MAP_RULES_CAPTURES = 100 };

/* What a pattern found in the key: 0 all of it, the others its parts, as many
 * as the pattern has; -1: not part of it. */
struct map_rules_match {
	int from[MAP_RULES_CAPTURES], to[MAP_RULES_CAPTURES];
};

/* How a type spells its rules. A rule that is not well-formed is logged and skipped. */
struct map_rules_syntax {
	const char *name; /* of the type */
	/* One logical line, which may be changed; calls map_rules_add() and so on. */
	void (*take_line)(struct map *map, struct map_rules *rules, char *line, int number);
	bool (*matches)(const void *pattern, bool negated, const char *key, struct map_rules_match *match);
	void (*free_pattern)(void *pattern);
};

/* Reads the rules that map->name holds, "{{rule}, {rule}}", or the file of that name into map->rules. 0 or
 * -1. */
int map_rules_read(struct map *map, const struct map_rules_syntax *syntax, struct err *err);
void map_rules_free(struct map_rules *rules);

/* Each takes the pattern and, in the case of a rule, the value; `captures`: $1 and so on in it are replaced.
 */
void map_rules_add(
    struct map_rules *rules, int line, void *pattern, bool negated, struct map_value *value, bool captures);
void map_rules_add_if(struct map_rules *rules, int line, void *pattern, bool negated);

/* False: there is no IF to end. */
bool map_rules_add_endif(struct map_rules *rules);

/* Moves `text` over white space and exclamation marks. Whether the pattern behind them is negated. */
bool map_rules_take_negation(char **text);

/* The first match. 1 or 0. */
int map_rules_get(const struct map *map, const char *key, struct buf *value, struct err *err);

#endif
