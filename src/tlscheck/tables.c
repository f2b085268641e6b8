/* SPDX-License-Identifier: ISC */
#include "tlscheck/tables.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/braces.h"
#include "mail/logical_line.h"
#include "mail/maincf.h"
#include "tlscheck/check_impl.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/text.h"

enum { FILE_LIMIT = 16 << 20 };

typedef void (*read_fn)(const struct tables_item *item, tables_line_fn fn, void *context);

static void read_keys(const struct tables_item *item, tables_line_fn fn, void *context);
static void read_networks(const struct tables_item *item, tables_line_fn fn, void *context);
static void read_patterns(const struct tables_item *item, tables_line_fn fn, void *context);
static void read_inline(const struct tables_item *item, tables_line_fn fn, void *context);
static void read_static(const struct tables_item *item, tables_line_fn fn, void *context);

static const struct {
	const char *type;
	const char *suffix; /* of the file that programs open; NULL: there is none */
	bool indexed;
	read_fn read;
} types[] = {
	{ "hash", ".db", true, read_keys },
	{ "btree", ".db", true, read_keys },
	{ "lmdb", ".lmdb", true, read_keys },
	{ "cdb", ".cdb", true, read_keys },
	{ "dbm", ".pag", true, read_keys },
	{ "texthash", "", false, read_keys },
	{ "cidr", "", false, read_networks },
	{ "regexp", "", false, read_patterns },
	{ "pcre", "", false, read_patterns },
	{ "inline", NULL, false, read_inline },
	{ "static", NULL, false, read_static },
};

bool
tables_is_indexed(const char *type)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(types[i].type, type) == 0)
			return types[i].indexed;
	return false;
}

/* Takes `where`. */
static void
item_init(struct tables_item *item, const char *text, char *where)
{
	const char *colon;

	*item = (struct tables_item){ .where = where };
	if (strncmp(text, "proxy:", 6) == 0)
		text += 6;
	colon = strchr(text, ':');
	item->type = alloc_string_n(text, (size_t)(colon - text));
	item->path = alloc_string(colon + 1);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].suffix && strcmp(types[i].type, item->type) == 0) {
			item->index = alloc_printf("%s%s", item->path, types[i].suffix);
			item->indexed = types[i].indexed;
		}
}

static void
item_release(struct tables_item *item)
{
	free(item->type);
	free(item->path);
	free(item->index);
	free(item->where);
}

static bool
has_line(const char *lines, const char *word)
{
	const char *line;
	size_t len;

	while ((line = text_token(&lines, "\n", &len)))
		if (len == strlen(word) && strncmp(line, word, len) == 0)
			return true;
	return false;
}

static void
mend_index(struct check *check, struct finding *found, const struct tables_item *item, const char *options)
{
	char *table = alloc_printf("%s:%s", item->type, item->path);
	char *quoted = finding_quote(table);

	finding_mend(found, "postmap %s%s%s", check->site->option, options, quoted);
	finding_step(found, FINDING_POSTMAP, table, options);
	free(quoted);
	free(table);
}

/* False: there is nothing to read. */
static bool
check_item(struct check *check, struct scope *scope, const char *name, const struct tables_item *item,
    const char *options)
{
	const char *source = scope_source(scope, name);
	struct stat text, index;

	if (*check->site->map_types && !has_line(check->site->map_types, item->type)) {
		check_found(check, scope, "map-type-missing", name,
		    "%s: this Postfix has no tables of type %s", source, item->type);
		return false;
	}
	if (!item->index)
		return true;
	if (stat(item->index, &index) < 0) {
		struct finding *found;

		if (check_is_denied(check, scope_where(scope, name), item->index, errno))
			return false;
		if (!item->indexed || stat(item->path, &text) < 0) {
			check_found(
			    check, scope, "map-missing", name, "%s: there is no %s", source, item->path);
			return false;
		}
		found = check_found(
		    check, scope, "map-not-built", name, "%s: there is no %s", source, item->index);
		mend_index(check, found, item, options);
		return true;
	}
	if (item->indexed && stat(item->path, &text) == 0 && text.st_mtime > index.st_mtime)
		mend_index(check,
		    check_found(check, scope, "map-outdated", name, "%s: %s is older than %s", source,
			item->index, item->path),
		    item, options);
	if (access(item->path, R_OK) < 0)
		check_is_denied(check, scope_where(scope, name), item->path, errno);
	return true;
}

void
tables_check_list(struct check *check, struct scope *scope, const char *name, const char *list,
    const char *options, tables_fn fn)
{
	char *text;

	while ((text = braces_next_word(&list, TEXT_LIST_SEPARATORS))) {
		struct tables_item item;

		if (!strchr(text, ':')) {
			check_found(check, scope, "map-bad", name, "%s: %s has no type in front",
			    scope_source(scope, name), text);
		} else {
			item_init(&item, text, scope_where(scope, name));
			if (check_item(check, scope, name, &item, options))
				fn(check, scope, name, &item);
			item_release(&item);
		}
		free(text);
	}
}

void
tables_check(struct check *check, struct scope *scope, const char *name, const char *options, tables_fn fn)
{
	tables_check_list(check, scope, name, scope_value(scope, name), options, fn);
}

/* --- what is in them --- */

/* Takes one logical line, which it may change. */
typedef void (*take_fn)(char *line, const char *where, tables_line_fn fn, void *context);

static void
read_file(const struct tables_item *item, take_fn take, tables_line_fn fn, void *context)
{
	struct logical_line_reader in;
	struct buf text = BUF_INIT, line = BUF_INIT;
	int number;

	if (file_read(item->path, FILE_LIMIT, &text, NULL) < 0) {
		buf_release(&text);
		return;
	}
	logical_line_init(&in, item->path, buf_str(&text), text.len);
	while (logical_line_next(&in, &line, &number)) {
		char *where = alloc_printf("%s:%d", item->path, number);

		take(line.bytes, where, fn, context);
		free(where);
	}
	buf_release(&line);
	buf_release(&text);
}

/* The word in front is cut off; behind it is the value. */
static char *
behind_word(char *line)
{
	char *value = line + strcspn(line, " \t\r\n");

	if (*value)
		*value++ = '\0';
	return logical_line_trim(value);
}

static void
take_key(char *line, const char *where, tables_line_fn fn, void *context)
{
	char *value = behind_word(line);

	fn(line, value, where, context);
}

static void
read_keys(const struct tables_item *item, tables_line_fn fn, void *context)
{
	read_file(item, take_key, fn, context);
}

static void
take_network(char *line, const char *where, tables_line_fn fn, void *context)
{
	char *value = behind_word(line);

	if (!text_equal_nocase(line, "if") && !text_equal_nocase(line, "endif"))
		fn(NULL, value, where, context);
}

static void
read_networks(const struct tables_item *item, tables_line_fn fn, void *context)
{
	read_file(item, take_network, fn, context);
}

/* /pattern/flags value, with any character for the slashes. */
static void
take_pattern(char *line, const char *where, tables_line_fn fn, void *context)
{
	char *at = line + strspn(line, "! \t"), delimiter = *at;

	if (!delimiter || isalnum((unsigned char)delimiter))
		return;
	for (at++; *at && *at != delimiter; at++)
		if (*at == '\\' && at[1])
			at++;
	if (*at && !strchr(at, '$'))
		fn(NULL, behind_word(at), where, context);
}

static void
read_patterns(const struct tables_item *item, tables_line_fn fn, void *context)
{
	read_file(item, take_pattern, fn, context);
}

/* { key = value, { key = value } } */
static void
read_inline(const struct tables_item *item, tables_line_fn fn, void *context)
{
	char *copy = alloc_string(item->path), *inside, *word, *pair, *name, *value;
	struct err err;
	const char *at;

	if (braces_take_off(copy, &inside, &err) == 0)
		for (at = inside; (word = braces_next_word(&at, TEXT_LIST_SEPARATORS)); free(word))
			if (braces_take_off(word, &pair, &err) == 0 &&
			    maincf_split(pair, &name, &value, &err) == 0)
				fn(name, value, item->where, context);
	free(copy);
}

static void
read_static(const struct tables_item *item, tables_line_fn fn, void *context)
{
	char *copy = alloc_string(item->path), *value;
	struct err err;

	if (braces_take_off(copy, &value, &err) == 0)
		fn(NULL, value, item->where, context);
	free(copy);
}

void
tables_lines(const struct tables_item *item, tables_line_fn fn, void *context)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(types[i].type, item->type) == 0)
			types[i].read(item, fn, context);
}
