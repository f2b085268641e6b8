/* SPDX-License-Identifier: ISC */
#include "mail/maincf_edit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mail/config_replace.h"
#include "mail/logical_line.h"
#include "mail/maincf.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/table.h"

struct request {
	char *value; /* owned; "" unless setting */
	int found;   /* entries of that name so far */
};

struct maincf_edit {
	enum maincf_edit_kind kind;
	struct table *requests; /* of struct request */
	bool is_careful;
	struct config_replace_expected expected; /* the bytes are borrowed */
};

static void
request_free(void *value)
{
	struct request *request = value;

	free(request->value);
	free(request);
}

struct maincf_edit *
maincf_edit_new(enum maincf_edit_kind kind)
{
	struct maincf_edit *edit = alloc_zero(sizeof *edit);

	edit->kind = kind;
	edit->requests = table_new(request_free);
	return edit;
}

void
maincf_edit_free(struct maincf_edit *edit)
{
	if (edit == NULL)
		return;
	table_free(edit->requests);
	free(edit);
}

static void
put_request(struct maincf_edit *edit, const char *name, const char *value)
{
	const struct request *old = table_get(edit->requests, name);
	struct request *request = alloc_zero(sizeof *request);

	if (old != NULL && edit->kind == MAINCF_EDIT_SET)
		log_warn("ignoring earlier request: '%s = %s'", name, old->value);
	else if (old != NULL)
		log_warn("ignoring earlier request: '%s'", name);
	request->value = alloc_string(value);
	table_put(edit->requests, name, request);
}

int
maincf_edit_request(struct maincf_edit *edit, const char *text, struct err *err)
{
	struct err reason = { 0 };
	char *copy, *name, *value;
	int result = 0;

	if (strchr(text, '\n') != NULL)
		return err_set(err, "-e, -X, or -# accepts no multi-line input");
	while (logical_line_is_space(*text))
		text++;
	if (*text == '#')
		return err_set(err, "-e, -X, or -# accepts no comment input");
	if (*text == '\0' && edit->kind != MAINCF_EDIT_SET)
		return err_set(err, "-X or -# requires non-blank parameter names");
	if (edit->kind != MAINCF_EDIT_SET && strchr(text, '=') != NULL)
		return err_set(err, "-X or -# requires parameter names without value");
	copy = alloc_string(text);
	if (edit->kind != MAINCF_EDIT_SET)
		put_request(edit, logical_line_trim(copy), "");
	else if (maincf_split(copy, &name, &value, &reason) == 0)
		put_request(edit, name, value);
	else
		result = err_set(err, "%s: \"%s\"", reason.text, copy);
	free(copy);
	return result;
}

/* --- the new text --- */

/* A line without newline may be the last thing in memory, so strcspn() is not for it. */
static size_t
key_len(const char *line, size_t len)
{
	size_t end = 0;

	while (end < len && line[end] != '\0' && strchr(" \t\r\n=", line[end]) == NULL)
		end++;
	return end;
}

static struct request *
find_request(const struct maincf_edit *edit, const char *path, const char *line, size_t len)
{
	char *key = alloc_string_n(line, key_len(line, len));
	struct request *request;

	request = table_get(edit->requests, key);
	if (request != NULL && ++request->found == 2)
		log_warn("%s: multiple entries for \"%s\"", path, key);
	free(key);
	return request;
}

static void
put_setting(struct buf *to, const char *name, size_t name_len, const char *value)
{
	buf_add(to, name, name_len);
	buf_printf(to, " = %s\n", value);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
append_missing(const struct maincf_edit *edit, struct buf *to)
{
	const char **names = alloc_array(table_count(edit->requests) + 1, sizeof *names);
	size_t at = 0, count = 0;
	const char *name;
	void *value;

	while ((name = table_next(edit->requests, &at, &value)) != NULL)
		if (((struct request *)value)->found == 0)
			names[count++] = name;
	qsort(names, count, sizeof *names, compare_names);
	for (size_t i = 0; i < count; i++) {
		const struct request *request = table_get(edit->requests, names[i]);

		put_setting(to, names[i], strlen(names[i]), request->value);
	}
	free(names);
}

void
maincf_edit_text(struct maincf_edit *edit, const char *path, const void *bytes, size_t len, struct buf *to)
{
	const char *line = bytes, *end = line + len;
	const struct request *request = NULL; /* of the entry that the line belongs to */
	size_t start = to->len;

	for (size_t line_len; line < end; line += line_len) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));

		line_len = (size_t)((newline != NULL ? newline + 1 : end) - line);
		if (logical_line_is_comment(line, line_len)) {
			buf_add(to, line, line_len);
			continue;
		}
		if (!logical_line_is_space(*line)) {
			request = find_request(edit, path, line, line_len);
			if (request != NULL && edit->kind == MAINCF_EDIT_SET)
				put_setting(to, line, key_len(line, line_len), request->value);
		}
		if (request != NULL && edit->kind == MAINCF_EDIT_COMMENT)
			buf_add_byte(to, '#');
		if (request == NULL || edit->kind == MAINCF_EDIT_COMMENT)
			buf_add(to, line, line_len);
	}
	if (edit->kind != MAINCF_EDIT_SET)
		return;
	if (to->len > start && to->bytes[to->len - 1] != '\n')
		buf_add_byte(to, '\n');
	append_missing(edit, to);
}

void
maincf_edit_carefully(struct maincf_edit *edit, const void *bytes, size_t len)
{
	edit->is_careful = true;
	edit->expected = (struct config_replace_expected){ bytes, len };
}

/* What the change of the file needs to know. */
struct change {
	struct maincf_edit *edit;
	const char *path;
};

static int
change(const struct buf *from, struct buf *to, void *context, struct err *err)
{
	struct change *it = context;

	(void)err;
	maincf_edit_text(it->edit, it->path, buf_str(from), from->len, to);
	return 0;
}

int
maincf_edit_apply(struct maincf_edit *edit, const char *dir, struct err *err)
{
	char *path = alloc_printf("%s/main.cf", dir);
	struct change it = { edit, path };
	int result = config_replace(path, edit->is_careful ? &edit->expected : NULL, change, &it, err);

	free(path);
	return result;
}
