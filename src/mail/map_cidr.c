/* SPDX-License-Identifier: ISC */
/*
 * map_cidr: cidr: tables, rules by network address.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/logical_line.h"
#include "mail/map_impl.h"
#include "mail/map_rules.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"
#include "util/network.h"

static void
skip(const struct map *map, int number, const char *why)
{
	log_warn("cidr map %s, line %d: %s: skipping this rule", map->name, number, why);
}

/* True: "IF" or "ENDIF" is the first word; `rest` is behind it. */
static bool
begins(char *line, const char *word, char **rest)
{
	size_t len = strlen(word);

	if (strncasecmp(line, word, len) != 0 || (line[len] && !logical_line_is_space(line[len])))
		return false;
	*rest = logical_line_trim(line + len);
	return true;
}

static void
take_rule(struct map *map, struct map_rules *rules, char *line, int number, bool is_if)
{
	bool negated = map_rules_take_negation(&line);
	struct network network;
	char *result = NULL;
	struct err err;

	if (!*line) {
		skip(map, number, "no address pattern");
		return;
	}
	if (!is_if) {
		result = line;
		while (*result && !logical_line_is_space(*result))
			result++;
		if (*result)
			*result++ = '\0';
		result = logical_line_trim(result);
	}
	if (network_parse(line, &network, &err) < 0) {
		skip(map, number, err.text);
		return;
	}
	if (!is_if && !*result) {
		skip(map, number, "no lookup result");
		return;
	}

	struct map_value *value = is_if ? NULL : map_value_of(map, result, &err);
	if (!is_if && !value) {
		skip(map, number, err.text);
		return;
	}

	struct network *pattern = alloc_zero(sizeof *pattern);
	*pattern = network;
	if (is_if)
		map_rules_add_if(rules, number, pattern, negated);
	else
		map_rules_add(rules, number, pattern, negated, value, false);
}

static void
take_line(struct map *map, struct map_rules *rules, char *line, int number)
{
	char *rest;

	if (begins(line, "ENDIF", &rest)) {
		if (*rest)
			skip(map, number, "garbage after ENDIF");
		else if (!map_rules_add_endif(rules))
			skip(map, number, "ENDIF without IF");
		return;
	}
	if (begins(line, "IF", &rest))
		take_rule(map, rules, rest, number, true);
	else
		take_rule(map, rules, line, number, false);
}

/* A negated pattern speaks only of its own address family. */
static bool
matches(const void *pattern, bool negated, const char *key, struct map_rules_match *match)
{
	const struct network *network = pattern;
	struct network address;

	(void)match;
	return network_of_address(key, &address) && address.family == network->family &&
	       network_has(network, &address) != negated;
}

static int
open_cidr(struct map *map, struct err *err)
{
	static const struct map_rules_syntax syntax = {
		.name = "cidr", .take_line = take_line, .matches = matches, .free_pattern = free
	};

	return map_rules_read(map, &syntax, err);
}

const struct map_type map_type_cidr = { .name = "cidr", .open = open_cidr, .get = map_rules_get };
