/* SPDX-License-Identifier: ISC */
#include "mail/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mail/braces.h"
#include "mail/casefold.h"
#include "mail/map_impl.h"
#include "mail/map_rules.h"
#include "mail/map_source.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/hex.h"
#include "util/log.h"
#include "util/now.h"
#include "util/table.h"
#include "util/text.h"

/* A source that has changed this recently is being worked on. */
enum { SETTLED_S = 100, SHOWN = 30 };

/* --- values --- */

/* Copies. */
static struct map_value *
value_new(const void *bytes, size_t len)
{
	struct map_value *value = alloc_zero(sizeof *value + len + 1);

	value->len = len;
	if (len > 0)
		memcpy(value->bytes, bytes, len);
	return value;
}

void
map_value_free(void *value)
{
	struct map_value *it = value;

	if (it)
		alloc_wipe(it->bytes, it->len);
	free(it);
}

static struct map_value *
read_files(struct map *map, const char *list, struct err *err)
{
	struct buf content = BUF_INIT;
	struct map_value *value = NULL;
	const char *at = list, *word;
	size_t len;
	int result = 0;
	bool any = false;

	while (result == 0 && content.len <= MAP_VALUE_LIMIT &&
	       (word = text_token(&at, TEXT_LIST_SEPARATORS, &len)) != NULL) {
		char *path = alloc_string_n(word, len);

		if (any)
			buf_add_byte(&content, '\n');
		any = true;
		map_add_file(map, path);
		result = map_source_read(map->source, path, MAP_VALUE_LIMIT, &content, err);
		free(path);
	}
	if (!any)
		err_set(err, "empty pathname list: >>%s<<'", list);
	else if (result == 0 && content.len > MAP_VALUE_LIMIT)
		err_set(err, "%s: larger than %d bytes", list, (int)MAP_VALUE_LIMIT);
	else if (result == 0)
		value = value_new(buf_str(&content), content.len);
	buf_release_secret(&content);
	return value;
}

struct map_value *
map_value_of(struct map *map, const char *text, struct err *err)
{
	if (map->flags & MAP_FILES)
		return read_files(map, text, err);
	return value_new(text, strlen(text));
}

/* --- pairs --- */

static bool
put(struct map *map, const char *key, bool zero, bool replace, struct map_value *value)
{
	if (!map->pairs[zero])
		map->pairs[zero] = table_new(map_value_free);

	bool is_new = !table_get(map->pairs[zero], key);
	if (is_new || replace)
		table_put(map->pairs[zero], key, value);
	else
		map_value_free(value);
	return is_new;
}

bool
map_put(struct map *map, const char *key, bool replace, struct map_value *value)
{
	char *folded = map->flags & MAP_FOLD ? casefold(key) : alloc_string(key);
	bool is_new = put(map, folded, true, replace, value);

	free(folded);
	return is_new;
}

/* postmap has folded the key, or was told not to. */
void
map_put_stored(struct map *map, const void *key, size_t key_len, const void *value, size_t value_len)
{
	map_source_add_pair(map->source, key, key_len, value, value_len);

	bool zero = key_len > 0 && ((const char *)key)[key_len - 1] == '\0';

	/* Nobody can ask for a key with a zero byte inside, least of all by the part before it. */
	if (key_len > 0 && memchr(key, '\0', key_len - zero))
		return;

	char *text = alloc_string_n(key_len > 0 ? key : "", key_len - zero);

	if (value_len > 0 && ((const char *)value)[value_len - 1] == '\0')
		value_len--;
	put(map, text, zero, false, value_new(value, value_len));
	free(text);
}

static const struct map_value *
find(const struct map *map, const char *key)
{
	const struct map_value *value = NULL;

	if (map->pairs[1] && !(map->flags & MAP_WITHOUT_ZERO))
		value = table_get(map->pairs[1], key);
	if (!value && map->pairs[0] && !(map->flags & MAP_WITH_ZERO))
		value = table_get(map->pairs[0], key);
	return value;
}

static int
get_pair(const struct map *map, const char *key, struct buf *to, struct err *err)
{
	char *folded = map->flags & MAP_FOLD ? casefold(key) : alloc_string(key);
	const struct map_value *value = find(map, folded);

	free(folded);
	if (!value)
		return 0;
	/* postmap has put the content of files into the index as base64 text. */
	if (!*map->index_suffix || !(map->flags & MAP_FILES)) {
		buf_add(to, value->bytes, value->len);
		return 1;
	}
	if (hex_base64_decode(to, value->bytes, value->len))
		return 1;
	return err_set(err, "table %s%s: key %s: malformed BASE64 value: %.*s", map->type_name,
	    map->index_suffix, key, SHOWN, value->bytes);
}

/* --- what types need --- */

void
map_add_file(struct map *map, const char *path)
{
	if (!map->files)
		map->files = table_new(NULL);
	table_put(map->files, path, map->files);
}

/* Warns if the index at `path` is older than the file it was made from. */
static void
check_age(struct map *map, const char *path)
{
	struct stat index, source;

	if (stat(path, &index) < 0 || stat(map->name, &source) < 0)
		return;
	map_add_file(map, map->name);
	if (source.st_mtime > index.st_mtime && source.st_mtime < now_wall() - SETTLED_S)
		log_warn("database %s is older than source file %s", path, map->name);
}

static int
read_index(struct map *map, const char *path, map_read_fn read, map_words_fn words, struct err *err)
{
	map_source_begin(map->source);

	int rc = read(map, path);

	if (rc == 0)
		check_age(map, path);
	else
		err_set(err, "open database %s: %s", path, words(rc));
	map_source_end(map->source, path, rc == 0 ? NULL : err);
	return rc == 0 ? 0 : -1;
}

int
map_open_index(struct map *map, const char *suffix, map_read_fn read, map_words_fn words, struct err *err)
{
	char *path = alloc_printf("%s%s", map->name, suffix);
	int result;

	map->index_suffix = suffix;
	map_add_file(map, path);
	if (map_source_is_recording(map->source))
		result = map_source_pairs(map->source, path, map, err);
	else
		result = read_index(map, path, read, words, err);
	free(path);
	return result;
}

char *
map_in_braces(const char *text)
{
	const char *end = *text == '{' ? braces_end(text) : NULL;

	return end && end[1] == '\0' ? alloc_string_n(text + 1, (size_t)(end - text - 1)) : NULL;
}

char *
map_next_word(const char **at)
{
	return braces_next_word(at, TEXT_LIST_SEPARATORS);
}

/* --- the map --- */

static int
get_nothing(const struct map *map, const char *key, struct buf *value, struct err *err)
{
	(void)value;
	return err_set(err, "%s lookup error for \"%s\"", map->type_name, key);
}

static int
open_nothing(struct map *map, struct err *err)
{
	(void)map, (void)err;
	return 0;
}

static const struct map_type map_type_fail = { .name = "fail", .open = open_nothing, .get = get_nothing };

static int
get_variable(const struct map *map, const char *key, struct buf *value, struct err *err)
{
	char *folded = map->flags & MAP_FOLD ? casefold(key) : alloc_string(key);
	const char *found = getenv(folded);

	(void)err;
	free(folded);
	if (found)
		buf_add_str(value, found);
	return found ? 1 : 0;
}

static const struct map_type map_type_environ = {
	.name = "environ", .open = open_nothing, .get = get_variable
};

/* In byte order of the names. */
static const struct map_type *const types[] = {
	&map_type_btree,
	&map_type_cdb,
	&map_type_cidr,
	&map_type_environ,
	&map_type_fail,
	&map_type_hash,
	&map_type_inline,
	&map_type_lmdb,
	&map_type_pcre,
	&map_type_pipemap,
	&map_type_randmap,
	&map_type_regexp,
	&map_type_static,
	&map_type_texthash,
	&map_type_unionmap,
};

const char *
map_type_name(size_t index)
{
	return index < sizeof types / sizeof types[0] ? types[index]->name : NULL;
}

static const struct map_type *
find_type(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strlen(types[i]->name) == len && memcmp(types[i]->name, name, len) == 0)
			return types[i];
	return NULL;
}

struct map *
map_new(const char *type_name, unsigned int flags, struct err *err)
{
	return map_new_from(NULL, type_name, flags, err);
}

struct map *
map_new_from(struct map_source *source, const char *type_name, unsigned int flags, struct err *err)
{
	const char *at = strncmp(type_name, "proxy:", 6) == 0 ? type_name + 6 : type_name;
	size_t len = strcspn(at, ":");

	if (len == 0 || at[len] == '\0' || at[len + 1] == '\0') {
		err_set(err, "open dictionary: expecting \"type:name\" form instead of \"%s\"", type_name);
		return NULL;
	}

	const struct map_type *type = find_type(at, len);
	if (!type) {
		err_set(err, "unsupported dictionary type: %.*s", (int)len, at);
		return NULL;
	}

	struct map *map = alloc_zero(sizeof *map);
	map->type = type;
	map->type_name = alloc_string(type_name);
	map->name = map->type_name + (at - type_name) + len + 1;
	map->flags = flags;
	map->index_suffix = "";
	map->source = source;
	if (type->open(map, err) < 0) {
		map_free(map);
		return NULL;
	}
	map->source = NULL;
	return map;
}

void
map_free(struct map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->parts_count; i++)
		map_free(map->parts[i]);
	free(map->parts);
	map_rules_free(map->rules);
	map_value_free(map->single);
	table_free(map->pairs[0]);
	table_free(map->pairs[1]);
	table_free(map->files);
	free(map->type_name);
	free(map);
}

int
map_get(const struct map *map, const char *key, struct buf *value, struct err *err)
{
	buf_clear(value);
	return map->type->get ? map->type->get(map, key, value, err) : get_pair(map, key, value, err);
}

void
map_files(const struct map *map, map_file_fn file, void *context)
{
	const char *path;
	size_t at = 0;

	for (size_t i = 0; i < map->parts_count; i++)
		map_files(map->parts[i], file, context);
	while (map->files && (path = table_next(map->files, &at, NULL)) != NULL)
		file(path, context);
}

void
map_keys(const struct map *map, map_key_fn fn, void *context)
{
	for (int zero = 0; zero < 2; zero++) {
		const char *key;
		size_t at = 0;

		while (map->pairs[zero] && (key = table_next(map->pairs[zero], &at, NULL)) != NULL)
			fn(key, context);
	}
}
