/* SPDX-License-Identifier: ISC */
/*
 * map_inline: inline: and static: tables, which are in the parameter itself.
 */
#include <stdlib.h>
#include <string.h>

#include "mail/logical_line.h"
#include "mail/maincf.h"
#include "mail/map_impl.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"

#define BLANKS " \t\r\n"

/* One "name=value" or "{name = value}". */
static int
take_pair(struct map *map, const char *word, struct err *err)
{
	char *text = *word == '{' ? map_in_braces(word) : alloc_string(word);
	struct map_value *found = NULL;
	char *name, *value;

	if (!text) {
		err_set(err, "syntax error after '}' in \"%s\"", word);
	} else if (text[strspn(text, BLANKS)] == '=') {
		/* As with Postfix a pair without a name is one that nobody asks for. */
		free(text);
		return 0;
	} else if (maincf_split(text, &name, &value, err) == 0) {
		found = map_value_of(map, value, err);
		if (found)
			map_put(map, name, true, found);
	}
	free(text);
	return found ? 0 : -1;
}

static int
open_inline(struct map *map, struct err *err)
{
	const char *form = map->flags & MAP_FILES ? "{name=filename...}" : "{name=value...}";
	char *inside = map_in_braces(map->name);
	const char *at = inside;
	char *word;
	int result = 0;
	bool any = false;

	while (inside && result == 0 && (word = map_next_word(&at)) != NULL) {
		result = take_pair(map, word, err);
		any = true;
		free(word);
	}
	if (!any)
		result = err_set(err, inside && *inside ? "empty table" : "bad syntax");
	free(inside);
	if (result == 0)
		return 0;

	struct err reason = *err;
	return err_set(err, "%s: \"inline:%s\"; need \"inline:%s\"", reason.text, map->name, form);
}

static int
open_static(struct map *map, struct err *err)
{
	char *inside = *map->name == '{' ? map_in_braces(map->name) : alloc_string(map->name);

	if (!inside)
		return err_set(err, "bad static:name syntax: %s \"%s\"",
		    strchr(map->name, '}') ? "syntax error after '}' in" : "missing '}' in", map->name);
	map->single = map_value_of(map, *map->name == '{' ? logical_line_trim(inside) : inside, err);
	free(inside);
	return map->single ? 0 : -1;
}

static int
get_static(const struct map *map, const char *key, struct buf *value, struct err *err)
{
	(void)key, (void)err;
	buf_add(value, map->single->bytes, map->single->len);
	return 1;
}

const struct map_type map_type_inline = { .name = "inline", .open = open_inline };
const struct map_type map_type_static = { .name = "static", .open = open_static, .get = get_static };
