/* SPDX-License-Identifier: ISC */
#include "mail/services_edit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mail/config_replace.h"
#include "mail/logical_line.h"
#include "mail/maincf.h"
#include "mail/entry.h"
#include "mail/request.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

struct edit_request {
	const char *text; /* borrowed; as typed */
	struct request at;
	char *value;         /* owned; of SERVICES_SET */
	struct entry *entry; /* owned; -M: what to write */
	enum entry_field field;
	bool found;
};

struct edit {
	char what;
	enum services_edit_kind kind;
	const char *path; /* borrowed */
	struct edit_request *requests;
	int count;
};

/* --- requests --- */

static int
bad_form(char what, struct err *err)
{
	if (what == 'M')
		return err_set(err, "-Me, -MX or -M# requires service_name/type");
	if (what == 'F')
		return err_set(err, "-Fe or -FX requires service_name/type/field_name");
	return err_set(err, "-Pe or -PX requires service_name/type/parameter");
}

/* SERVICE/TYPE or SERVICE/TYPE/ITEM, none of them empty. */
static int
parse_place(struct edit_request *request, char what, const char *text, struct err *err)
{
	int parts = what == 'M' ? 2 : REQUEST_PARTS;

	if (strstr(text, "//") != NULL || text[strlen(text) - 1] == '/' ||
	    !request_parse(&request->at, text, parts) || request->at.count != parts)
		return bad_form(what, err);
	if (what == 'M' || !request_is_any(&request->at, 2))
		return 0;
	return err_set(err, what == 'F' ? "-Fe does not accept wild-card field name"
					: "-Pe does not accept wild-card parameter name");
}

static int
find_field(struct edit_request *request, struct err *err)
{
	for (int field = 0; field < ENTRY_FIELDS; field++)
		if (strcmp(entry_field_names[field], request->at.parts[2]) == 0) {
			request->field = (enum entry_field)field;
			return 0;
		}
	return err_set(err, "invalid service attribute name: \"%s\"", request->at.parts[2]);
}

static bool
has_space(const char *text)
{
	for (; *text != '\0'; text++)
		if (logical_line_is_space(*text))
			return true;
	return false;
}

static int
parse_value(struct edit_request *request, char what, struct err *err)
{
	if (what == 'P') {
		if (has_space(request->value))
			return err_set(err, "-Pe does not accept whitespace in parameter value");
		return 0;
	}
	if (what == 'F') {
		if (find_field(request, err) < 0)
			return -1;
		if (*request->value == '\0')
			return err_set(err, "bad field count: \"%s\"", request->text);
		if (request->field != ENTRY_COMMAND && has_space(request->value))
			return err_set(err, "-Fe does not accept whitespace in non-command field");
		return 0;
	}
	request->entry = entry_new(request->value, err);
	if (request->entry == NULL && strcmp(err->text, "bad field count") == 0)
		return err_set(err, "bad field count: \"%s\"", request->text);
	return request->entry != NULL ? 0 : -1;
}

static int
parse_request(const struct edit *edit, struct edit_request *request, const char *text, struct err *err)
{
	struct err reason = { 0 };
	char *copy, *name, *value;
	int result;

	request->text = text;
	if (strchr(text, '\n') != NULL)
		return err_set(err, "-Me, -Fe, -Pe, -X, or -# accept no multi-line input");
	while (logical_line_is_space(*text))
		text++;
	if (*text == '#')
		return err_set(err, "-Me, -Fe, -Pe, -X, or -# accept no comment input");
	copy = alloc_string(text);
	if (edit->kind != SERVICES_SET) {
		/* As with Postfix blanks around a name belong to it. */
		result = *text != '\0' ? parse_place(request, edit->what, request->text, err)
				       : bad_form(edit->what, err);
	} else if (maincf_split(copy, &name, &value, &reason) < 0) {
		result = err_set(err, "%s: \"%s\"", reason.text, copy);
	} else {
		request->value = alloc_string(value);
		result = parse_place(request, edit->what, name, err);
		if (result == 0)
			result = parse_value(request, edit->what, err);
	}
	free(copy);
	return result;
}

/* --- one service --- */

/* An entry with the lines that stand in it and behind it. */
struct part {
	struct buf raw;     /* as it was */
	struct buf comment; /* the blank lines and comments of it */
	struct buf text;    /* the other ones, for -#, with '#' before each */
	struct buf logical; /* the line they make */
	size_t first;       /* bytes of it that are of the first line */
	int number;
};

/* The first two words of a physical line. */
static int
take_names(const struct edit *edit, const struct part *part, char **service, char **type, struct err *err)
{
	char *line = alloc_string_n(buf_str(&part->logical), part->first);
	const char *at = line;
	size_t len = strcspn(at, " \t\r\n");

	*service = alloc_string_n(at, len);
	at += len + strspn(at + len, " \t\r\n");
	len = strcspn(at, " \t\r\n");
	*type = alloc_string_n(at, len);
	free(line);
	if (len > 0)
		return 0;
	return err_set(err, "file %s: line %d: specify service name and type on the same line", edit->path,
	    part->number);
}

static void
replace_entry(const struct edit *edit, struct edit_request *request, const struct part *part, struct buf *to)
{
	if (edit->kind == SERVICES_SET && !request->found)
		entry_put(request->entry, true, to);
	if (edit->kind == SERVICES_COMMENT)
		buf_add(to, buf_str(&part->text), part->text.len);
	else
		buf_add(to, buf_str(&part->comment), part->comment.len);
	request->found = true;
}

/* The file may end without a newline, and then what comes behind must not be joined. */
static void
complete_line(struct buf *to)
{
	if (to->len > 0 && to->bytes[to->len - 1] != '\n')
		buf_add_byte(to, '\n');
}

static int
change_entry(const struct edit *edit, const struct part *part, const char *service, const char *type,
    struct buf *to, struct err *err)
{
	struct err reason = { 0 };
	struct entry *entry = entry_new(buf_str(&part->logical), &reason);
	int result = 0;

	if (entry == NULL && strcmp(reason.text, "bad field count") == 0)
		return err_set(err, "file %s: line %d: %s", edit->path, part->number, reason.text);
	if (entry == NULL)
		return err_set(err, "%s", reason.text);
	for (int i = 0; i < edit->count && result == 0; i++) {
		struct edit_request *request = &edit->requests[i];

		if (!request_matches(&request->at, service, type))
			continue;
		request->found = true;
		if (edit->what == 'F')
			result = entry_set_field(entry, request->field, request->value, err);
		else if (edit->kind == SERVICES_SET)
			entry_set_value(entry, request->at.parts[2], request->value);
		else
			entry_remove_value(entry, request->at.parts[2]);
	}
	buf_add(to, buf_str(&part->comment), part->comment.len);
	complete_line(to);
	entry_put(entry, true, to);
	entry_free(entry);
	return result;
}

static int
finish_part(const struct edit *edit, const struct part *part, struct buf *to, struct err *err)
{
	struct edit_request *match = NULL;
	char *service, *type;
	int result = take_names(edit, part, &service, &type, err);

	/* Of requests for the same entry the last one counts. */
	for (int i = edit->count; result == 0 && match == NULL && i-- > 0;)
		if (request_matches(&edit->requests[i].at, service, type))
			match = &edit->requests[i];
	if (result == 0 && match == NULL)
		buf_add(to, buf_str(&part->raw), part->raw.len);
	else if (result == 0 && edit->what == 'M')
		replace_entry(edit, match, part, to);
	else if (result == 0)
		result = change_entry(edit, part, service, type, to, err);
	free(service);
	free(type);
	return result;
}

/* --- the file --- */

static void
add_line(struct part *part, const char *line, size_t len)
{
	bool is_comment = logical_line_is_comment(line, len);

	buf_add(&part->raw, line, len);
	if (is_comment)
		buf_add(&part->comment, line, len);
	else
		buf_add_byte(&part->text, '#');
	buf_add(&part->text, line, len);
	if (!is_comment)
		buf_add(&part->logical, line, line[len - 1] == '\n' ? len - 1 : len);
	if (part->first == 0)
		part->first = part->logical.len;
}

static void
clear_part(struct part *part)
{
	buf_clear(&part->raw);
	buf_clear(&part->comment);
	buf_clear(&part->text);
	buf_clear(&part->logical);
	part->first = 0;
	part->number = 0;
}

/* The same entry is asked for once more. */
static bool
is_repeated(const struct edit *edit, int at)
{
	for (int i = at + 1; i < edit->count; i++)
		if (strcmp(edit->requests[i].at.parts[0], edit->requests[at].at.parts[0]) == 0 &&
		    strcmp(edit->requests[i].at.parts[1], edit->requests[at].at.parts[1]) == 0)
			return true;
	return false;
}

static void
finish(const struct edit *edit, struct buf *to)
{
	for (int i = 0; i < edit->count; i++) {
		const struct edit_request *request = &edit->requests[i];

		if (request->found)
			continue;
		if (edit->what != 'M')
			log_warn("unmatched service_name/type: \"%s\"", request->text);
		else if (edit->kind == SERVICES_SET && !is_repeated(edit, i))
			entry_put(request->entry, true, to);
	}
}

static int
change(const struct buf *from, struct buf *to, void *context, struct err *err)
{
	const struct edit *edit = context;
	const char *line = buf_str(from), *end = line + from->len;
	struct part part = { 0 };
	int number = 0, result = 0;

	for (size_t len; line < end && result == 0; line += len) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		bool is_more = logical_line_is_space(*line);

		number++;
		len = (size_t)((newline != NULL ? newline + 1 : end) - line);
		if (!is_more && !logical_line_is_comment(line, len)) {
			if (part.number > 0)
				result = finish_part(edit, &part, to, err);
			clear_part(&part);
			part.number = number;
		}
		if (part.number > 0)
			add_line(&part, line, len);
		else
			buf_add(to, line, len);
	}
	if (result == 0 && part.number > 0)
		result = finish_part(edit, &part, to, err);
	if (edit->kind == SERVICES_SET)
		complete_line(to);
	if (result == 0)
		finish(edit, to);
	buf_release(&part.raw);
	buf_release(&part.comment);
	buf_release(&part.text);
	buf_release(&part.logical);
	return result;
}

/* Values are judged before a file is opened. */
static int
check_fields(const struct edit *edit, struct err *err)
{
	struct err ignored = { 0 };
	struct entry *probe = entry_new("- unix - - - - - -", &ignored);
	int result = 0;

	for (int i = 0; i < edit->count && result == 0; i++)
		result = entry_set_field(probe, edit->requests[i].field, edit->requests[i].value, err);
	entry_free(probe);
	return result;
}

int
services_edit(const char *dir, char what, enum services_edit_kind kind, char **texts, int count,
    const struct config_replace_expected *expected, struct err *err)
{
	char *path = alloc_printf("%s/master.cf", dir);
	struct edit edit = { .what = what, .kind = kind, .path = path };
	int result = 0;

	edit.requests = alloc_array((size_t)count + 1, sizeof *edit.requests);
	for (; edit.count < count && result == 0; edit.count++)
		result = parse_request(&edit, &edit.requests[edit.count], texts[edit.count], err);
	if (result == 0 && what == 'F')
		result = check_fields(&edit, err);
	if (result == 0)
		result = config_replace(path, expected, change, &edit, err);
	for (int i = 0; i < edit.count; i++) {
		request_release(&edit.requests[i].at);
		entry_free(edit.requests[i].entry);
		free(edit.requests[i].value);
	}
	free(edit.requests);
	free(path);
	return result;
}
