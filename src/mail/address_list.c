/* SPDX-License-Identifier: ISC */
#include "mail/address_list.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "mail/braces.h"
#include "mail/logical_line.h"
#include "mail/map_list.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/log.h"
#include "util/network.h"
#include "util/text.h"

enum {
	FILE_LIMIT = 16 << 20, /* bytes */
	FILE_DEPTH = 20,       /* files that name files */
};

struct pattern {
	bool negated;
	bool unusable;
	struct map_list *table; /* owned; NULL: it is a network */
	struct network network;
};

struct address_list {
	const char *title;        /* borrowed, while it is made */
	struct pattern *patterns; /* owned */
	size_t count;
};

static void take_list(struct address_list *list, const char *text, bool negated, int depth);

static struct pattern *
add(struct address_list *list, bool negated)
{
	list->patterns = alloc_resize(list->patterns, list->count + 1, sizeof *list->patterns);
	struct pattern *pattern = &list->patterns[list->count++];

	*pattern = (struct pattern){ .negated = negated };
	return pattern;
}

/* What stands in a file stands in the list, line by line. */
static void
take_file(struct address_list *list, const char *path, bool negated, int depth)
{
	struct buf text = BUF_INIT, line = BUF_INIT;
	struct logical_line_reader reader;
	struct err err;
	int number;

	if (depth > FILE_DEPTH || file_read(path, FILE_LIMIT, &text, &err) < 0) {
		if (depth > FILE_DEPTH)
			err_set(&err, "%s: too many files that name files", path);
		log_warn("%s: %s", list->title, err.text);
		add(list, negated)->unusable = true;
	} else {
		logical_line_init(&reader, path, buf_str(&text), text.len);
		while (logical_line_next(&reader, &line, &number))
			take_list(list, buf_str(&line), negated, depth);
	}
	buf_release(&line);
	buf_release(&text);
}

static void
take_network(struct address_list *list, const char *word, bool negated)
{
	struct network network;
	struct err err;

	if (network_parse(word, &network, &err) == 0) {
		add(list, negated)->network = network;
		return;
	}
	bool name = *word != '[' && word[strspn(word, "0123456789./")];
	if (name)
		err_set(&err, "\"%s\" is no address, and names are not looked up", word);
	log_warn("%s: %s", list->title, err.text);
	if (!name || negated)
		add(list, negated)->unusable = true;
}

static void
take_word(struct address_list *list, const char *word, bool negated, int depth)
{
	for (; *word == '!'; word++)
		negated = !negated;
	if (*word == '/')
		take_file(list, word, negated, depth + 1);
	else if (*word != '[' && strchr(word, ':'))
		add(list, negated)->table = map_list_new(list->title, word, MAP_FOLD);
	else
		take_network(list, word, negated);
}

static void
take_list(struct address_list *list, const char *text, bool negated, int depth)
{
	char *word;

	while ((word = braces_next_word(&text, TEXT_LIST_SEPARATORS)) != NULL) {
		take_word(list, word, negated, depth);
		free(word);
	}
}

struct address_list *
address_list_new(const char *title, const char *patterns)
{
	struct address_list *list = alloc_zero(sizeof *list);

	list->title = title;
	take_list(list, patterns, false, 0);
	return list;
}

void
address_list_free(struct address_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		map_list_unref(list->patterns[i].table);
	free(list->patterns);
	free(list);
}

/* 1 or 0; -1: nobody knows. */
static int
fits(const struct pattern *pattern, const char *text, const struct network *address)
{
	if (pattern->unusable)
		return -1;
	if (!pattern->table)
		return network_has(&pattern->network, address);

	struct buf value = BUF_INIT;
	int found = map_list_get(pattern->table, text, &value);
	buf_release(&value);
	return found;
}

bool
address_list_has(const struct address_list *list, const char *text)
{
	struct network address;

	if (!network_of_address(text, &address))
		return false;
	for (size_t i = 0; i < list->count; i++) {
		int found = fits(&list->patterns[i], text, &address);
		if (found != 0)
			return found > 0 && !list->patterns[i].negated;
	}
	return false;
}
