/* SPDX-License-Identifier: ISC */
/*
 * map_compound: tables made of tables: pipemap: asks one after the other, unionmap: all of them, randmap: one
 * of several texts.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "mail/map_impl.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"

static int
bad_syntax(const struct map *map, const char *form, struct err *err)
{
	return err_set(
	    err, "bad syntax: \"%s:%s\"; need \"%s:%s\"", map->type->name, map->name, map->type->name, form);
}

/* Opens the words of "{word, word}", each as what `format` makes of it. */
static int
open_parts(struct map *map, const char *format, const char *form, struct err *err)
{
	char *inside = map_in_braces(map->name);
	const char *at = inside;
	char *word;
	int result = 0;

	while (inside && result == 0 && (word = map_next_word(&at)) != NULL) {
		char *type_name = alloc_printf(format, word);
		struct map *part = NULL;

		if (strchr(type_name, ':'))
			part = map_new_from(map->source, type_name, map->flags, err);
		else
			bad_syntax(map, form, err);
		if (part) {
			map->parts = alloc_resize(map->parts, map->parts_count + 1, sizeof(struct map *));
			map->parts[map->parts_count++] = part;
		} else {
			result = -1;
		}
		free(type_name);
		free(word);
	}
	free(inside);
	return result == 0 && map->parts_count == 0 ? bad_syntax(map, form, err) : result;
}

static int
open_tables(struct map *map, struct err *err)
{
	return open_parts(map, "%s", "{type:name...}", err);
}

static int
open_texts(struct map *map, struct err *err)
{
	/* Braces of its own belong to a text. */
	return open_parts(map, "static:{%s}", "{value...}", err);
}

/* An error of a part is one of the whole. */
static int
failed(const struct map *map, const char *key, struct err *err)
{
	return err_set(err, "%s lookup error for \"%s\"", map->type_name, key);
}

static int
get_piped(const struct map *map, const char *key, struct buf *value, struct err *err)
{
	char *at = alloc_string(key);
	int result = 1;

	for (size_t i = 0; result == 1 && i < map->parts_count; i++) {
		result = map_get(map->parts[i], at, value, err);
		if (result == 1 && i + 1 < map->parts_count) {
			free(at);
			at = alloc_string(buf_str(value));
		}
	}
	free(at);
	return result < 0 ? failed(map, key, err) : result;
}

static int
get_united(const struct map *map, const char *key, struct buf *value, struct err *err)
{
	struct buf one = BUF_INIT;
	int result = 0, any = 0;

	for (size_t i = 0; result >= 0 && i < map->parts_count; i++) {
		result = map_get(map->parts[i], key, &one, err);
		if (result != 1)
			continue;
		if (any)
			buf_add_byte(value, ',');
		buf_add(value, buf_str(&one), one.len);
		any = 1;
	}
	buf_release_secret(&one);
	return result < 0 ? failed(map, key, err) : any;
}

static int
get_random(const struct map *map, const char *key, struct buf *value, struct err *err)
{
	unsigned int number = 0;

	/* Any choice will do. */
	if (getrandom(&number, sizeof number, GRND_NONBLOCK) < 0)
		number = 0;
	return map_get(map->parts[number % map->parts_count], key, value, err);
}

const struct map_type map_type_pipemap = { .name = "pipemap", .open = open_tables, .get = get_piped };
const struct map_type map_type_unionmap = { .name = "unionmap", .open = open_tables, .get = get_united };
const struct map_type map_type_randmap = { .name = "randmap", .open = open_texts, .get = get_random };
