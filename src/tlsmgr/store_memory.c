/* SPDX-License-Identifier: ISC */
#include "tlsmgr/store_memory.h"

#include <stdlib.h>
#include <string.h>

#include "tlsmgr/store.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/table.h"

/* Sessions are wiped before their memory is given back. */
struct record {
	struct record *prev, *next; /* in order of creation */
	char *key;                  /* owned */
	struct buf value;
};

struct store_memory {
	struct store store;
	struct table *records; /* owned; key to record, which it does not own */
	struct record *first, *last;
	struct record *walk; /* what the walk will come to */
};

static void
record_free(struct record *record)
{
	buf_release_secret(&record->value);
	free(record->key);
	free(record);
}

static void
memory_free(struct store *store, bool keep)
{
	struct store_memory *self = (struct store_memory *)store;
	struct record *next;

	(void)keep;
	for (struct record *record = self->first; record; record = next) {
		next = record->next;
		record_free(record);
	}
	table_free(self->records);
	free(self);
}

static int
memory_get(struct store *store, const char *key, struct buf *value, struct err *err)
{
	const struct record *record = table_get(((struct store_memory *)store)->records, key);

	(void)err;
	if (!record)
		return 0;
	buf_clear(value);
	buf_add(value, record->value.bytes, record->value.len);
	return 1;
}

static struct record *
append(struct store_memory *self, const char *key)
{
	struct record *record = alloc_zero(sizeof *record);

	record->key = alloc_string(key);
	record->prev = self->last;
	*(self->last ? &self->last->next : &self->first) = record;
	self->last = record;
	table_put(self->records, key, record);
	return record;
}

static int
memory_put(struct store *store, const char *key, const void *value, size_t len, struct err *err)
{
	struct store_memory *self = (struct store_memory *)store;
	struct record *record = table_get(self->records, key);

	(void)err;
	if (!record)
		record = append(self, key);
	buf_release_secret(&record->value);
	buf_add(&record->value, value, len);
	return 0;
}

static int
memory_remove(struct store *store, const char *key, struct err *err)
{
	struct store_memory *self = (struct store_memory *)store;
	struct record *record = table_get(self->records, key);

	(void)err;
	if (!record)
		return 0;
	table_remove(self->records, key);
	*(record->prev ? &record->prev->next : &self->first) = record->next;
	*(record->next ? &record->next->prev : &self->last) = record->prev;
	if (self->walk == record)
		self->walk = record->next;
	record_free(record);
	return 1;
}

static int
memory_next(struct store *store, bool first, struct buf *key, struct buf *value, struct err *err)
{
	struct store_memory *self = (struct store_memory *)store;
	const struct record *record = first ? self->first : self->walk;

	(void)err;
	if (!record)
		return 0;
	self->walk = record->next;
	buf_clear(key);
	buf_add_str(key, record->key);
	buf_clear(value);
	buf_add(value, record->value.bytes, record->value.len);
	return 1;
}

static uint64_t
memory_file_bytes(const struct store *store)
{
	(void)store;
	return 0;
}

static const struct store_ops ops = {
	.free = memory_free,
	.get = memory_get,
	.put = memory_put,
	.remove = memory_remove,
	.next = memory_next,
	.file_bytes = memory_file_bytes,
};

struct store *
store_memory_new(const struct store_config *config, struct err *err)
{
	struct store_memory *self = alloc_zero(sizeof *self);

	(void)config;
	(void)err;
	self->store.ops = &ops;
	self->records = table_new(NULL);
	return &self->store;
}
