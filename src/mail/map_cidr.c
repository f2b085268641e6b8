/* SPDX-License-Identifier: ISC */
/*
 * map_cidr: cidr: tables, rules by network address.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "mail/logical_line.h"
#include "mail/map_impl.h"
#include "mail/map_rules.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

struct network {
	int family;
	unsigned int bits; /* that count */
	unsigned char bytes[16];
};

static bool
parse_address(const char *text, struct network *address)
{
	address->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	address->bits = address->family == AF_INET6 ? 128 : 32;
	memset(address->bytes, 0, sizeof address->bytes);
	return inet_pton(address->family, text, address->bytes) == 1;
}

static void
clear_host_bits(unsigned char *bytes, size_t len, unsigned int bits)
{
	for (size_t i = 0; i < len; i++) {
		unsigned int keep = bits > 8 * i ? bits - 8 * (unsigned int)i : 0;

		if (keep < 8)
			bytes[i] &= (unsigned char)(0xff00 >> keep);
	}
}

/* False with the reason: the text is no pattern. */
static bool
parse_network(char *text, struct network *network, struct err *err)
{
	char *copy = alloc_string(text);
	size_t len = strlen(copy);
	char *address = copy, *slash;
	uint64_t bits;
	int result = 0;

	if (*address == '[' && len > 1 && copy[len - 1] == ']') {
		copy[len - 1] = '\0';
		address++;
	}
	slash = strchr(address, '/');
	if (slash)
		*slash = '\0';
	if (!parse_address(address, network)) {
		result = err_set(err, "bad address pattern: \"%s\"", text);
	} else if (slash && !text_number(slash + 1, UINT32_MAX, &bits)) {
		result = err_set(err, "bad mask value in \"%s\"", text);
	} else if (slash && bits > network->bits) {
		result = err_set(err, "bad mask length in \"%s\"", text);
	} else if (slash) {
		unsigned char given[sizeof network->bytes];
		char shown[INET6_ADDRSTRLEN];

		network->bits = (unsigned int)bits;
		memcpy(given, network->bytes, sizeof given);
		clear_host_bits(network->bytes, network->family == AF_INET6 ? 16 : 4, network->bits);
		if (memcmp(given, network->bytes, sizeof given) != 0)
			result = err_set(err,
			    "non-null host address bits in \"%s\", perhaps you should use \"%s/%u\" instead",
			    text, inet_ntop(network->family, network->bytes, shown, sizeof shown),
			    network->bits);
	}
	free(copy);
	return result == 0;
}

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
	if (!parse_network(line, &network, &err)) {
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
	if (!parse_address(key, &address) || address.family != network->family)
		return false;
	clear_host_bits(address.bytes, sizeof address.bytes, network->bits);
	return (memcmp(address.bytes, network->bytes, sizeof address.bytes) == 0) != negated;
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
