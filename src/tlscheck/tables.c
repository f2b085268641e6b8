/* SPDX-License-Identifier: ISC */
#include "tlscheck/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/logical_line.h"
#include "tlscheck/check_impl.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/text.h"

enum { FILE_LIMIT = 16 << 20 };

static const struct {
	const char *type;
	const char *suffix; /* of the file that programs open */
	bool indexed;
} types[] = {
	{ "hash", ".db", true },
	{ "btree", ".db", true },
	{ "lmdb", ".lmdb", true },
	{ "cdb", ".cdb", true },
	{ "dbm", ".pag", true },
	{ "texthash", "", false },
	{ "cidr", "", false },
	{ "regexp", "", false },
	{ "pcre", "", false },
};

static void
item_init(struct tables_item *item, const char *text)
{
	const char *colon;

	*item = (struct tables_item){ 0 };
	if (strncmp(text, "proxy:", 6) == 0)
		text += 6;
	colon = strchr(text, ':');
	item->type = alloc_string_n(text, (size_t)(colon - text));
	item->path = alloc_string(colon + 1);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(types[i].type, item->type) == 0) {
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
		return false;
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
tables_check(struct check *check, struct scope *scope, const char *name, const char *options, tables_fn fn)
{
	const char *list = scope_value(scope, name), *word;
	size_t len;

	/* Tables made of others have commas and blanks of their own. */
	if (strchr(list, '{'))
		return;
	while ((word = text_token(&list, TEXT_LIST_SEPARATORS, &len))) {
		char *text = alloc_string_n(word, len);
		struct tables_item item;

		if (!strchr(text, ':')) {
			check_found(check, scope, "map-bad", name, "%s: %s has no type in front",
			    scope_source(scope, name), text);
		} else {
			item_init(&item, text);
			if (check_item(check, scope, name, &item, options))
				fn(check, scope, name, &item);
			item_release(&item);
		}
		free(text);
	}
}

void
tables_lines(const struct tables_item *item, tables_line_fn fn, void *context)
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
		char *value = line.bytes + strcspn(line.bytes, " \t\r\n");
		char *where = alloc_printf("%s:%d", item->path, number);

		if (*value)
			*value++ = '\0';
		fn(line.bytes, logical_line_trim(value), where, context);
		free(where);
	}
	buf_release(&line);
	buf_release(&text);
}
