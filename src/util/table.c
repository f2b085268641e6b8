/* SPDX-License-Identifier: ISC */
#include "util/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "util/alloc.h"
#include "util/siphash.h"

/*
 * Entries lie in the order of insertion; a removed one keeps its place with key NULL until
 * the table is rebuilt. `slots` holds index + 1 of an entry, 0 for free; a slot of a removed
 * entry stays taken, so that probing goes on behind it.
 */
struct entry {
	char *key; /* owned */
	void *value;
	uint64_t hash;
};

struct table {
	table_free_fn free_value;
	struct entry *entries; /* owned */
	size_t used, room;     /* entries, the removed ones included */
	size_t count;
	size_t *slots; /* owned; a power of two, at least twice `room` */
	size_t mask;
	/* Keys may come from outside: nobody shall be able to choose collisions. */
	unsigned char secret[SIPHASH_KEY_LEN];
};

enum { FIRST_ROOM = 8 };

static uint64_t
hash_of(const struct table *table, const char *key)
{
	return siphash(table->secret, key, strlen(key));
}

struct table *
table_new(table_free_fn free_value)
{
	struct table *table = alloc_zero(sizeof *table);

	table->free_value = free_value;
	if (getrandom(table->secret, sizeof table->secret, GRND_NONBLOCK) != sizeof table->secret)
		memcpy(table->secret, &table, sizeof table);
	table->room = FIRST_ROOM;
	table->entries = alloc_array(table->room, sizeof *table->entries);
	table->mask = FIRST_ROOM * 2 - 1;
	table->slots = alloc_array(table->mask + 1, sizeof *table->slots);
	return table;
}

static void
free_value(const struct table *table, void *value)
{
	if (table->free_value && value)
		table->free_value(value);
}

void
table_free(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->used; i++) {
		if (!table->entries[i].key)
			continue;
		free_value(table, table->entries[i].value);
		free(table->entries[i].key);
	}
	free(table->slots);
	free(table->entries);
	free(table);
}

static struct entry *
find(const struct table *table, const char *key, uint64_t hash)
{
	for (size_t at = hash & table->mask; table->slots[at]; at = (at + 1) & table->mask) {
		struct entry *entry = &table->entries[table->slots[at] - 1];
		if (entry->key && entry->hash == hash && strcmp(entry->key, key) == 0)
			return entry;
	}
	return NULL;
}

static void
occupy(struct table *table, uint64_t hash, size_t index)
{
	size_t at = hash & table->mask;

	while (table->slots[at])
		at = (at + 1) & table->mask;
	table->slots[at] = index + 1;
}

/* Drops removed entries and makes room for as many more as there are. */
static void
rebuild(struct table *table)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->used; i++)
		if (table->entries[i].key)
			table->entries[kept++] = table->entries[i];
	table->used = kept;
	while (table->room < kept * 2)
		table->room *= 2;
	table->entries = alloc_resize(table->entries, table->room, sizeof *table->entries);
	free(table->slots);
	table->mask = table->room * 2 - 1;
	table->slots = alloc_array(table->mask + 1, sizeof *table->slots);
	for (size_t i = 0; i < kept; i++)
		occupy(table, table->entries[i].hash, i);
}

void *
table_get(const struct table *table, const char *key)
{
	const struct entry *entry = find(table, key, hash_of(table, key));

	return entry ? entry->value : NULL;
}

void
table_put(struct table *table, const char *key, void *value)
{
	uint64_t hash = hash_of(table, key);
	struct entry *entry = find(table, key, hash);

	if (entry) {
		void *old = entry->value;
		entry->value = value;
		if (old != value)
			free_value(table, old);
		return;
	}
	if (table->used == table->room)
		rebuild(table);
	table->entries[table->used] = (struct entry){ alloc_string(key), value, hash };
	occupy(table, hash, table->used);
	table->used++;
	table->count++;
}

bool
table_remove(struct table *table, const char *key)
{
	struct entry *entry = find(table, key, hash_of(table, key));

	if (!entry)
		return false;
	void *value = entry->value;
	free(entry->key);
	entry->key = NULL;
	entry->value = NULL;
	table->count--;
	free_value(table, value);
	return true;
}

size_t
table_count(const struct table *table)
{
	return table->count;
}

const char *
table_next(const struct table *table, size_t *at, void **value)
{
	for (; *at < table->used; ++*at) {
		const struct entry *entry = &table->entries[*at];
		if (!entry->key)
			continue;
		if (value)
			*value = entry->value;
		++*at;
		return entry->key;
	}
	return NULL;
}
