/* SPDX-License-Identifier: ISC */
#include "mail/map_list.h"

#include <stdlib.h>

#include "mail/map_impl.h"
#include "mail/map_source.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

struct member {
	struct map *map;   /* owned; NULL: could not be opened */
	char *unavailable; /* owned; then this says so */
	char *name;        /* owned; TYPE:NAME */
};

struct map_list {
	unsigned int references;
	unsigned int generation;
	char *title; /* owned */
	struct member *members;
	size_t count;
};

/* Errors are counted; one that a process began with comes with each recording. */
static void
log_unavailable(const struct map_source *source, const struct err *err)
{
	if (map_source_is_recording(source))
		log_warn("%s", err->text);
	else
		log_error("%s", err->text);
}

struct map_list *
map_list_new(const char *title, const char *names, unsigned int flags)
{
	return map_list_new_from(NULL, title, names, flags);
}

struct map_list *
map_list_new_from(struct map_source *source, const char *title, const char *names, unsigned int flags)
{
	struct map_list *list = alloc_zero(sizeof *list);
	char *word;

	list->references = 1;
	list->title = alloc_string(title);
	while ((word = map_next_word(&names)) != NULL) {
		struct member member = { 0 };
		struct err err;

		member.map = map_new_from(source, word, flags, &err);
		if (!member.map) {
			log_unavailable(source, &err);
			member.unavailable = alloc_printf("%s is unavailable. %s", word, err.text);
		}
		list->members = alloc_resize(list->members, list->count + 1, sizeof *list->members);
		member.name = word;
		list->members[list->count++] = member;
	}
	return list;
}

struct map_list *
map_list_ref(struct map_list *list)
{
	list->references++;
	return list;
}

void
map_list_unref(struct map_list *list)
{
	if (!list || --list->references > 0)
		return;
	for (size_t i = 0; i < list->count; i++) {
		map_free(list->members[i].map);
		free(list->members[i].unavailable);
		free(list->members[i].name);
	}
	free(list->members);
	free(list->title);
	free(list);
}

const char *
map_list_title(const struct map_list *list)
{
	return list->title;
}

int
map_list_get(const struct map_list *list, const char *key, struct buf *value)
{
	int result = 0;

	buf_clear(value);
	if (!*key)
		return 0;
	for (size_t i = 0; result == 0 && i < list->count; i++) {
		const struct member *member = &list->members[i];
		struct err err;

		result = member->map ? map_get(member->map, key, value, &err) : -1;
		if (result < 0) {
			log_warn("%s", member->map ? err.text : member->unavailable);
			if (!member->map)
				log_warn("%s lookup error for \"%s\"", member->name, key);
		}
	}
	if (result == 1 && value->len == 0) {
		log_warn("%s lookup of %s returns an empty string result", list->title, key);
		log_warn("%s should return NO RESULT in case of NOT FOUND", list->title);
		return -1;
	}
	return result;
}

void
map_list_keys(const struct map_list *list, map_key_fn fn, void *context)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->members[i].map)
			map_keys(list->members[i].map, fn, context);
}

void
map_list_exchange(struct map_list *list, struct map_list *other)
{
	struct map_list was = *list;

	list->members = other->members;
	list->count = other->count;
	other->members = was.members;
	other->count = was.count;
	list->generation++;
	other->generation++;
}

unsigned int
map_list_generation(const struct map_list *list)
{
	return list->generation;
}

const char *
map_list_loss(const struct map_list *list, const struct map_list *old)
{
	for (size_t i = 0; i < list->count && i < old->count; i++)
		if (!list->members[i].map && old->members[i].map)
			return list->members[i].unavailable;
	return NULL;
}
