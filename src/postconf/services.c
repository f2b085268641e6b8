/* SPDX-License-Identifier: ISC */
#include "postconf/services.h"

#include <stdlib.h>
#include <string.h>

#include "mail/entry.h"
#include "mail/request.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/table.h"

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *
label(const struct entry *entry, const char *item)
{
	return alloc_printf("%s/%s/%s", entry->fields[ENTRY_SERVICE], entry->fields[ENTRY_TYPE], item);
}

static void
show_field(
    const struct entry *entry, enum entry_field field, const struct listing_style *style, struct buf *to)
{
	char *name = label(entry, entry_field_names[field]);
	struct listing_line line = { .to = to, .fold = style->fold, .width = LISTING_SERVICE_WIDTH };

	if (field == ENTRY_COMMAND && !style->no_value) {
		if (!style->no_name) {
			listing_word(&line, name, strlen(name));
			listing_word(&line, "=", 1);
		}
		entry_put_command(entry, &line);
		buf_add_byte(to, '\n');
	} else {
		listing_add(to, style, name, entry->fields[field]);
	}
	free(name);
}

static void
show_fields(const struct entry *entry, const struct request *request, const struct listing_style *style,
    struct buf *to)
{
	for (int field = 0; field < ENTRY_FIELDS; field++)
		if (request_is_any(request, 2) || strcmp(request->parts[2], entry_field_names[field]) == 0)
			show_field(entry, (enum entry_field)field, style, to);
}

/* In order of name, each once. Whether there was one. */
static bool
show_settings(const struct entry *entry, const struct request *request, const struct listing_style *style,
    struct buf *to)
{
	struct table *settings = entry_settings(entry);
	const char **sorted = alloc_array(table_count(settings) + 1, sizeof *sorted), *name;
	size_t count = 0, at = 0;

	while ((name = table_next(settings, &at, NULL)) != NULL)
		if (request_is_any(request, 2) || strcmp(request->parts[2], name) == 0)
			sorted[count++] = name;
	qsort(sorted, count, sizeof *sorted, compare_names);
	for (size_t i = 0; i < count; i++) {
		char *shown = label(entry, sorted[i]);

		listing_add(to, style, shown, table_get(settings, sorted[i]));
		free(shown);
	}
	free(sorted);
	table_free(settings);
	return count > 0;
}

static bool
is_field_name(const char *name)
{
	for (int field = 0; field < ENTRY_FIELDS; field++)
		if (strcmp(entry_field_names[field], name) == 0)
			return true;
	return false;
}

static int
parse_request(struct request *request, const char *text, char what, struct err *err)
{
	static const char *const forms[] = { ['M'] = "service_name[/type]",
		['F'] = "service_name[/type[/field]]",
		['P'] = "service_name[/type[/parameter]]" };

	if (!request_parse(request, text, what == 'M' ? 2 : REQUEST_PARTS))
		return err_set(err, "-%c option requires %s", what, forms[(unsigned char)what]);
	if (what == 'F' && !request_is_any(request, 2) && !is_field_name(request->parts[2]))
		return err_set(err, "invalid service attribute name: \"%s\"", request->parts[2]);
	return 0;
}

struct question {
	const char *text; /* borrowed; as typed; NULL: everything */
	struct request request;
	bool answered;
};

/* The requests about one service. */
static int
show_entry(const struct entry *entry, const struct services_query *query, struct question *questions,
    int count, struct buf *to, struct err *err)
{
	struct entry *shown = entry_copy(entry);
	int result = query->expand != NULL ? entry_expand(shown, query->expand, err) : 0;

	for (int i = 0; i < count && result == 0; i++) {
		const struct request *request = &questions[i].request;

		if (!request_matches(request, shown->fields[ENTRY_SERVICE], shown->fields[ENTRY_TYPE]))
			continue;
		if (query->what == 'M')
			entry_put(shown, query->style.fold, to);
		else if (query->what == 'F')
			show_fields(shown, request, &query->style, to);
		else if (!show_settings(shown, request, &query->style, to))
			continue;
		questions[i].answered = true;
	}
	entry_free(shown);
	return result;
}

int
services_show(
    const struct entry_list *list, const struct services_query *query, struct buf *to, struct err *err)
{
	struct question *questions = alloc_array((size_t)query->count + 1, sizeof *questions);
	int count = query->count > 0 ? query->count : 1, result = 0;

	for (int i = 0; i < query->count && result == 0; i++) {
		questions[i].text = query->names[i];
		result = parse_request(&questions[i].request, query->names[i], query->what, err);
	}
	for (size_t i = 0; i < list->count && result == 0; i++)
		result = show_entry(list->entries[i], query, questions, count, to, err);
	for (int i = 0; i < query->count; i++) {
		if (result == 0 && !questions[i].answered)
			log_warn("unmatched request: \"%s\"", questions[i].text);
		request_release(&questions[i].request);
	}
	free(questions);
	return result;
}
