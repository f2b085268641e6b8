/* SPDX-License-Identifier: ISC */
/*
 * fake_store: stands in for tlsmgr/store.h: a database in memory that counts what is done to it and fails
 * when it is told to. A test that includes this needs no other.
 */
#ifndef TESTS_FAKE_STORE_H
#define TESTS_FAKE_STORE_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tlsmgr/store.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/table.h"

struct fake_record {
	char *key; /* owned; NULL: removed */
	struct buf value;
};

enum { FAKE_RECORDS = 100000 };

/* A record, or no `value` for a time when there is none. */
struct fake_foreign {
	const char *id, *value;
};

static struct {
	int open_error; /* errno that opening fails with; 0: none */
	bool broken;    /* every operation fails */
	bool keeps;     /* what was there is there when it is opened again */
	int remove_us;  /* how long a removal takes */
	int opens, gets, puts, removes, walked;
	uint64_t limit;
	struct fake_record records[FAKE_RECORDS];
	size_t used, walk;
	const struct fake_foreign *foreign; /* what another program left, to its `id` NULL; NULL: nothing */
	bool foreign_stopped, disk_full;
	struct table *by_key; /* of records */
	struct store store;
} fake;

static struct fake_record *
fake_find(const char *key)
{
	return table_get(fake.by_key, key);
}

static void
fake_drop(struct fake_record *record)
{
	table_remove(fake.by_key, record->key);
	free(record->key);
	record->key = NULL;
	buf_release(&record->value);
}

/* As an earlier run would have done. */
static void
fake_put(const char *key, const void *value, size_t len)
{
	if (!fake.by_key)
		fake.by_key = table_new(NULL);
	struct fake_record *record = fake_find(key);

	if (!record) {
		if (fake.used == FAKE_RECORDS)
			abort();
		record = &fake.records[fake.used++];
		record->key = alloc_string(key);
		table_put(fake.by_key, key, record);
	}
	buf_clear(&record->value);
	buf_add(&record->value, value, len);
}

static void
fake_clear(void)
{
	for (size_t i = 0; i < fake.used; i++)
		if (fake.records[i].key)
			fake_drop(&fake.records[i]);
	fake.used = 0;
}

/* Before each test. */
static inline int
fake_reset(void)
{
	fake_clear();
	table_free(fake.by_key);
	memset(&fake, 0, sizeof fake);
	return 0;
}

struct store *
store_new(const struct store_config *config, struct err *err)
{
	fake.opens++;
	fake.limit = config->limit;
	if (fake.open_error) {
		err_set(err, "cannot open %s:%s", config->type, config->shown);
		err->code = fake.open_error;
		return NULL;
	}
	if (!fake.keeps)
		fake_clear();
	if (!fake.by_key)
		fake.by_key = table_new(NULL);
	fake.store.kept = fake.keeps && fake.used > 0;
	return &fake.store;
}

void
store_free(struct store *store)
{
	if (store && fake.broken)
		fake_clear();
}

bool
store_has_old_records(const struct store *store)
{
	return store->kept;
}

static int
fake_result(int result, struct err *err)
{
	return fake.broken ? err_set(err, "database is broken") : result;
}

int
store_get(struct store *store, const char *key, struct buf *value, struct err *err)
{
	struct fake_record *record = fake_find(key);

	(void)store;
	fake.gets++;
	if (record && !fake.broken) {
		buf_clear(value);
		buf_add(value, record->value.bytes, record->value.len);
	}
	return fake_result(record != NULL, err);
}

int
store_put(struct store *store, const char *key, const void *value, size_t len, struct err *err)
{
	(void)store;
	fake.puts++;
	if (!fake.broken)
		fake_put(key, value, len);
	return fake_result(0, err);
}

int
store_remove(struct store *store, const char *key, struct err *err)
{
	struct fake_record *record = fake_find(key);

	(void)store;
	fake.removes++;
	usleep((useconds_t)fake.remove_us);
	if (record && !fake.broken)
		fake_drop(record);
	return fake_result(record != NULL, err);
}

int
store_next(struct store *store, bool first, struct buf *key, struct buf *value, struct err *err)
{
	(void)store;
	if (first)
		fake.walk = 0;
	while (fake.walk < fake.used && !fake.records[fake.walk].key)
		fake.walk++;
	if (fake.walk == fake.used)
		return fake_result(0, err);
	const struct fake_record *record = &fake.records[fake.walk++];
	fake.walked++;
	buf_clear(key);
	buf_add_str(key, record->key);
	buf_clear(value);
	buf_add(value, record->value.bytes, record->value.len);
	return fake_result(1, err);
}

bool
store_has_foreign_records(const struct store *store)
{
	(void)store;
	return fake.foreign != NULL;
}

enum foreign_step
store_next_foreign(struct store *store, struct buf *key, struct buf *value)
{
	const struct fake_foreign *record = fake.foreign;

	(void)store;
	if (fake.disk_full && !fake.foreign_stopped) {
		fake.foreign_stopped = true;
		return FOREIGN_FULL;
	}
	if (!record->id || fake.foreign_stopped) {
		fake.foreign = NULL;
		return FOREIGN_END;
	}
	fake.foreign++;
	if (!record->value)
		return FOREIGN_NOTHING;
	buf_clear(key);
	buf_add_str(key, record->id);
	buf_clear(value);
	buf_add_str(value, record->value);
	return FOREIGN_RECORD;
}

void
store_stop_foreign(struct store *store)
{
	(void)store;
	fake.foreign_stopped = true;
}

uint64_t
store_file_bytes(const struct store *store)
{
	(void)store;
	return 4096;
}

#endif
